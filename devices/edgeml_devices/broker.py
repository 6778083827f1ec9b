"""A broker as a child process: started, really answering MQTT 5, restarted, ended with us."""

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from edgeml.errors import BrokerError, InputError
from edgeml.limits import LIMITS
from edgeml.mqtt import Link
from edgeml_devices import tether
from edgeml_devices.engines import EMBEDDED, ENGINES, HOST, MOSQUITTO, BrokerEngine

_STOP_SECONDS = 5.0


def choose(name: str) -> BrokerEngine:
    """The engine of that name; "auto" is the embedded one where installed, else mosquitto."""
    if name == "auto":
        for engine in (EMBEDDED, MOSQUITTO):
            if engine.found():
                return engine
        raise BrokerError(f"There is no broker here: {EMBEDDED.remedy}, or {MOSQUITTO.remedy}.")
    if name not in ENGINES:
        raise InputError(f"There is no broker engine {name!r}; use auto, {' or '.join(ENGINES)}.")
    engine = ENGINES[name]
    if not engine.found():
        raise BrokerError(f"The {name} broker is not installed: {engine.remedy}.")
    return engine


def start_broker(engine: str = "auto", port: int = 0, data: Path | None = None) -> "Broker":
    """Starts a broker on 127.0.0.1 and returns when it accepts MQTT 5 connections.

    port: 0 takes a free one. data: where a persistent engine keeps its retained messages; a
    temporary folder, removed at the end, if None. Raises InputError for a port in use or an unknown
    engine, BrokerError when no broker is installed or it does not start.
    """
    chosen = choose(engine)
    if data is not None and not chosen.persistent:
        raise InputError(
            f"The {chosen.name} broker keeps nothing on disk, so it takes no data folder; "
            "leave it out or choose mosquitto."
        )
    return Broker(chosen, port, data)


class Broker:
    """A running broker; a context manager that stops it. See `start_broker`."""

    def __init__(self, engine: BrokerEngine, port: int, data: Path | None) -> None:
        self.engine = engine
        self._claim = _claim(port)
        self.port = int(self._claim.getsockname()[1])
        # Linux lets a broker listen beside a socket that only holds the port, and no one else who
        # asks for a free one is given it, not in a restart either. Elsewhere the broker is refused.
        if sys.platform != "linux":
            self._claim.close()
        self.url = f"mqtt://{HOST}:{self.port}"
        self._temporary = data is None
        self._process: subprocess.Popen[bytes] | None = None
        self._data = (data or Path(tempfile.mkdtemp(prefix="edgeml-broker-"))).absolute()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The broker's process, None when stopped."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else 0

    def restart(self) -> None:
        """Ends the broker as an operator does and starts it on the same port and data."""
        self._end()
        self._start()

    def stop(self) -> None:
        """Ends the broker; more than once does no harm."""
        self._end()
        self._claim.close()
        if self._temporary:
            shutil.rmtree(self._data, ignore_errors=True)

    def _start(self) -> None:
        log = self._data / "broker.log"
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            command = self.engine.command(self.port, self._data)
            with log.open("ab") as stream:
                self._process = tether.spawn(command, stream)
        except OSError as error:
            raise InputError(
                f"The broker cannot keep its data in {self._data}: {error.strerror}; "
                "choose a folder that can be written."
            ) from error
        deadline = time.monotonic() + LIMITS.broker_connect_seconds
        while not _listens(self.port):
            if self.exit_code is not None or time.monotonic() > deadline:
                said = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
                raise BrokerError(
                    f"The {self.engine.name} broker did not start on port {self.port}; it said: "
                    f"{said}"
                )
            time.sleep(0.02)
        probe = Link(self.url, f"edgeml-probe-{secrets.token_hex(4)}")
        probe.connect()
        probe.close()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _claim(port: int) -> socket.socket:
    """Bound to `port`, or to a free one for 0; raises InputError when it cannot be had."""
    claim = socket.socket()
    claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claim.bind((HOST, port))
    except (OSError, OverflowError) as error:
        claim.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"The broker cannot listen on {HOST}:{port}: {reason}; choose another --port or "
            "stop what runs there."
        ) from error
    return claim


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
