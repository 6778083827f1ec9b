"""The one MQTT client of edgeml: paho behind connect, subscribe, publish, close.

MQTT 5, QoS 1 throughout. Subscriptions are kept here and made again after every reconnect, so a
broker that forgets everything is no special case. Nothing depends on no-local, retain handling or
session expiry, which the embedded broker lacks.
"""

import re
import socket
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgeml.errors import BrokerError, InputError
from edgeml.limits import LIMITS

_TAKEN_OVER = 0x8E  # MQTT 5, 3.14.2.1: session taken over

Handler = Callable[[str, bytes], None]  # topic, payload; runs on the network thread: be brief


@dataclass(frozen=True)
class BrokerUrl:
    """mqtt://[USER:PASSWORD@]HOST[:PORT], or mqtts:// for TLS."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "BrokerUrl":
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        beyond = parts.path.strip("/") or parts.query or parts.fragment
        known = parts.scheme in ("mqtt", "mqtts") and _is_host(parts.hostname)
        if not known or port == 0 or beyond:
            shown = re.sub(r"//[^@/]*@", "//...@", url)  # a password is for nobody's log
            raise InputError(
                f"The broker {shown!r} is not a URL of the form mqtt://HOST:PORT; write it so."
            )
        assert parts.hostname is not None
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=port or (8883 if tls else 1883),
            tls=tls,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def _is_host(name: str | None) -> bool:
    try:
        return bool(name and name.encode("idna"))
    except UnicodeError:  # an empty label or one of more than 63 characters
        return False


class Receipt:
    """What became of one published message."""

    def __init__(
        self, url: BrokerUrl, info: paho.MQTTMessageInfo, refusals: Mapping[int, str]
    ) -> None:
        self._url = url
        self._info = info
        self._refusals = refusals
        if info.rc == paho.MQTT_ERR_NO_CONN:  # queued: sent after the reconnect
            info.rc = paho.MQTT_ERR_SUCCESS

    def confirmed(self, seconds: float = 0.0) -> bool:
        """Whether the broker has it, waited for; raises BrokerError when it will never be sent."""
        try:
            self._info.wait_for_publish(seconds)
            done = self._info.is_published()
        except (RuntimeError, ValueError) as error:
            raise BrokerError(f"The broker {self._url} did not take a message: {error}") from error
        refusal = self._refusals.get(self._info.mid) if done else None
        if refusal is not None:
            raise BrokerError(
                f"The broker {self._url} refused a message ({refusal}); check what this user may "
                "write."
            )
        return done


class Link:
    """A connection that keeps itself alive.

    client_id: unique at the broker. will: (topic, payload) that the broker retains if we vanish.
    on_connection: called on the network thread with True after each (re)connect, when the
        subscriptions have been sent, and with False after each loss.
    on_error: what a handler or `on_connection` raised; without it the network thread ends by it.
    """

    def __init__(
        self,
        url: str | BrokerUrl,
        client_id: str,
        *,
        will: tuple[str, bytes] | None = None,
        on_connection: Callable[[bool], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        keepalive_seconds: int = 30,
    ) -> None:
        self.url = BrokerUrl.parse(url) if isinstance(url, str) else url
        self._client_id = client_id
        self._keepalive = keepalive_seconds
        self._on_connection = on_connection
        self._on_error = on_error
        self._handlers: dict[str, Handler] = {}
        self._connected = threading.Event()
        self._refusal: str | None = None
        self._loss: str | None = None
        self._refusals: dict[int, str] = {}
        self._closing = self._started = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5
        )
        if self.url.user is not None:
            self._client.username_pw_set(self.url.user, self.url.password)
        if self.url.tls:
            self._client.tls_set()
        if will is not None:
            self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.reconnect_delay_set(min_delay=1, max_delay=60)
        self._client.on_socket_open = self._socket_open
        self._client.on_connect = self._connect_done
        self._client.on_publish = self._published
        self._client.on_disconnect = self._disconnected

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    @property
    def alive(self) -> bool:
        """Whether its network thread runs, once it was started."""
        name = f"paho-mqtt-client-{self._client_id}"
        return not self._started or any(thread.name == name for thread in threading.enumerate())

    @property
    def refusal(self) -> str | None:
        """Why the broker refused the last connection, if it did."""
        return self._refusal

    @property
    def loss(self) -> str | None:
        """What the broker said when it ended the last connection, in words."""
        return self._loss

    def connect(self, timeout_seconds: float = LIMITS.broker_connect_seconds) -> None:
        """Connects, or raises BrokerError, at once where nobody listens or knows the host."""
        try:
            socket.create_connection((self.url.host, self.url.port), timeout_seconds).close()
        except OSError as error:
            self.close()
            raise BrokerError(
                f"The broker {self.url} cannot be reached ({error.strerror or error}); start it or "
                "check the URL."
            ) from error
        self.start()
        if not self._connected.wait(timeout_seconds):
            reason = self._refusal or f"no answer within {timeout_seconds:g} s"
            self.close()
            raise BrokerError(
                f"The broker {self.url} cannot be reached ({reason}); start it or check the URL."
            )

    def start(self) -> None:
        """Begins to connect and goes on trying for ever, for a daemon that outlives its broker."""
        self._started = True
        self._client.connect_async(self.url.host, self.url.port, keepalive=self._keepalive)
        self._client.loop_start()

    def subscribe(self, filters: str | Iterable[str], handler: Handler) -> None:
        """Delivers what matches, retained messages first, until unsubscribed."""
        filters = [filters] if isinstance(filters, str) else list(filters)
        for topic_filter in filters:
            self._handlers[topic_filter] = handler
            self._client.message_callback_add(topic_filter, self._delivery(handler))
        if self.connected:
            self._client.subscribe([(f, 1) for f in filters])

    def unsubscribe(self, filters: str | Iterable[str]) -> None:
        filters = [filters] if isinstance(filters, str) else list(filters)
        for topic_filter in filters:
            self._handlers.pop(topic_filter, None)
            self._client.message_callback_remove(topic_filter)
        if filters and self.connected:
            self._client.unsubscribe(filters)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        wait_seconds: float | None = None,
    ) -> Receipt:
        """Sends at QoS 1; with `wait_seconds` returns once the broker has it or raises BrokerError.

        Without it the message is queued over a lost connection and sent after the reconnect.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        self._refusals.pop(info.mid, None)  # of an earlier message of that number
        receipt = Receipt(self.url, info, self._refusals)
        if wait_seconds is not None and not receipt.confirmed(wait_seconds):
            raise BrokerError(
                f"The broker {self.url} did not confirm a message within {wait_seconds:g} s; "
                "check that it runs and accepts messages of this size."
            )
        return receipt

    def close(self) -> None:
        """Says goodbye (so the will is not sent) and stops the network thread."""
        self._closing, self._started = True, False
        self._client.disconnect()
        self._client.loop_stop()
        self._client.reinitialise()  # the public way to close the sockets that wake its thread

    def _delivery(self, handler: Handler) -> Callable[[paho.Client, Any, paho.MQTTMessage], None]:
        def deliver(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            with self._told():
                handler(message.topic, bytes(message.payload))

        return deliver

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            if self._on_error is None:
                raise
            self._on_error(error)

    def _socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        # Else each window waits 40 ms for a delayed ACK: 64 blobs in 0.31 s and not in 0.03 s.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _connect_done(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any
    ) -> None:
        if reason.is_failure:
            self._refusal = f"it refused: {reason}"
            return
        self._connected.set()
        if self._handlers:
            client.subscribe([(topic_filter, 1) for topic_filter in list(self._handlers)])
        if self._on_connection:
            with self._told():
                self._on_connection(True)

    def _published(
        self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _props: Any
    ) -> None:
        """Called before the message counts as published."""
        if reason.is_failure:
            self._refusals[mid] = str(reason)

    def _disconnected(
        self,
        _client: paho.Client,
        _data: Any,
        _flags: Any,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        self._loss = None
        if reason.value == _TAKEN_OVER:
            self._loss = (
                f"Another client calls itself {self._client_id!r} at {self.url}; give each device "
                "a name of its own"
            )
            # Two clients that come back at once would throw each other off for ever.
            self._client.reconnect_delay_set(min_delay=30, max_delay=60)
        was_connected = self._connected.is_set()
        self._connected.clear()
        if was_connected and not self._closing and self._on_connection:
            with self._told():
                self._on_connection(False)
