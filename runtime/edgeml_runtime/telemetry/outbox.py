"""What waits for the road: bounded queues, and the one thread that publishes."""

import threading
from collections import deque
from collections.abc import Callable

from edgeml.errors import BrokerError
from edgeml.mqtt import Link, Receipt

EVENTS = REPORTS = 256  # messages that wait, of each kind; then its oldest go
_UNDER_WAY = 20  # sent and not confirmed: more would pile up in the client on a road that stands
_CONFIRM_SECONDS = 1.0
_GOODBYE_SECONDS = 2.0
_BIRTH_SECONDS = 5.0


class Outbox:
    """Messages of one device. Whoever has something to say leaves it here and never waits.

    The state goes first, and is made when it is sent, since it is only worth sending while it is
    true; then events, then reports: they have queues of their own, so that the reports of a day
    without a connection push out no event. state_topic: where the state is retained; state: what
    it says now, `online` or not.
    """

    def __init__(self, state_topic: str, state: Callable[[bool], bytes]) -> None:
        self._state_topic = state_topic
        self._state = state
        self._events: deque[tuple[str, bytes]] = deque(maxlen=EVENTS)
        self._reports: deque[tuple[str, bytes]] = deque(maxlen=REPORTS)
        self._under_way: deque[Receipt] = deque()
        self._state_due = False
        self._births = 0
        self._news = threading.Event()
        self._closing = False
        self._link: Link | None = None

    def attach(self, link: Link) -> None:
        """Publishes to `link` whenever it is connected, once `send` runs."""
        self._link = link

    @property
    def waiting(self) -> tuple[int, int]:
        """Events and reports."""
        return len(self._events), len(self._reports)

    def born(self) -> None:
        """The connection is there, anew or again."""
        self._births += 1
        self.put_state()

    def put_state(self) -> None:
        self._state_due = True
        self._news.set()

    def put_event(self, topic: str, payload: bytes) -> None:
        self._events.append((topic, payload))
        self._news.set()

    def put_report(self, topic: str, payload: bytes) -> None:
        self._reports.append((topic, payload))
        self._news.set()

    def send(self) -> None:
        """The body of the sender's thread, until `end`."""
        while not self._closing:
            self._news.wait()
            self._news.clear()
            self._flush(lambda: not self._closing)

    def end(self) -> None:
        """Ends `send`."""
        self._closing = True
        self._news.set()

    def say_goodbye(self) -> None:
        """Sends what waits and the last state, if there is a connection; after `send` has ended."""
        link = self._link
        if link is not None and link.connected:
            self._flush(lambda: len(self._under_way) < _UNDER_WAY)
            receipt = link.publish(self._state_topic, self._state(False), retain=True)
            _confirmed(receipt, _GOODBYE_SECONDS)  # a clean end sends no will

    def _flush(self, going_on: Callable[[], bool]) -> None:
        link = self._link
        if link is None:
            return
        while link.connected:
            if self._state_due:
                self._state_due = False
                again, self._births = self._births > 1, min(self._births, 1)
                receipt = link.publish(self._state_topic, self._state(True), retain=True)
                if again and _confirmed(receipt, _BIRTH_SECONDS):
                    # What was under way when the connection was lost came after this birth.
                    link.publish(self._state_topic, self._state(True), retain=True)
            if not self._has_room():
                if not going_on():
                    return
                continue
            queue = self._events or self._reports
            try:
                topic, payload = queue.popleft()
            except IndexError:
                return
            self._under_way.append(link.publish(topic, payload))

    def _has_room(self) -> bool:
        """Whether one more may be under way; waits a little where not."""
        while self._under_way:
            full = len(self._under_way) >= _UNDER_WAY
            if not _confirmed(self._under_way[0], _CONFIRM_SECONDS if full else 0.0):
                return not full
            self._under_way.popleft()
        return True


def _confirmed(receipt: Receipt, seconds: float) -> bool:
    """Whether that is over: what the broker refuses is the operator's to see there."""
    try:
        return receipt.confirmed(seconds)
    except BrokerError:
        return True
