"""The swap as one table of states. What happens in a state is in steps.py; here is only the order.

    idle -> resolve -> fetch -> verify -> stage -> load -> active -> idle
    and from each of them to reject (never again) or back to idle (later again)

`shadow` and `canary` will stand between load and active, `rollback` beside reject.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Generic, TypeVar

About = TypeVar("About")


class State(StrEnum):
    IDLE = "idle"
    RESOLVE = "resolve"  # get the manifest, choose the variant
    FETCH = "fetch"  # get the blobs
    VERIFY = "verify"  # put the files together and check them
    STAGE = "stage"  # prepare and self-test in a process of its own
    LOAD = "load"  # load beside the live model and take its place
    ACTIVE = "active"  # tell everybody, collect garbage
    REJECT = "reject"  # remember the refusal, tell everybody


class Event(StrEnum):
    RELEASED = "released"
    RESOLVED = "resolved"
    KNOWN = "known"  # the very package that is live, under a newer generation
    FETCHED = "fetched"
    VERIFIED = "verified"
    STAGED = "staged"
    LOADED = "loaded"
    REFUSED = "refused"  # the package is bad or unfit: never again
    POSTPONED = "postponed"  # the road or the device was to blame: later again
    INTERRUPTED = "interrupted"  # the daemon ends or a newer release came
    DONE = "done"


TABLE: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.RELEASED): State.RESOLVE,
    (State.RESOLVE, Event.RESOLVED): State.FETCH,
    (State.RESOLVE, Event.KNOWN): State.ACTIVE,
    (State.FETCH, Event.FETCHED): State.VERIFY,
    (State.VERIFY, Event.VERIFIED): State.STAGE,
    (State.STAGE, Event.STAGED): State.LOAD,
    (State.LOAD, Event.LOADED): State.ACTIVE,
    (State.ACTIVE, Event.DONE): State.IDLE,
    (State.REJECT, Event.DONE): State.IDLE,
    **{
        (state, Event.REFUSED): State.REJECT
        for state in (State.RESOLVE, State.FETCH, State.VERIFY, State.STAGE, State.LOAD)
    },
    **{
        (state, event): State.IDLE
        for event in (Event.POSTPONED, Event.INTERRUPTED)
        for state in State
        if state is not State.IDLE
    },
}


class Machine(Generic[About]):
    """Walks the table. `entered` is called with every new state, and what is handed on to it, and
    saves both: no body can forget.

    When saving fails the state stays as it was, and so does the one on disk.
    """

    def __init__(self, entered: Callable[[State, About], None]) -> None:
        self.state = State.IDLE
        self._entered = entered

    def fire(self, event: Event, about: About) -> State:
        """The next state; an event that the table does not expect is a bug and says so loudly."""
        following = TABLE.get((self.state, event))
        if following is None:
            raise AssertionError(f"the swap was {self.state} and cannot take {event}")
        self._entered(following, about)
        self.state = following
        return following

    def abandon(self) -> None:
        """Idle without saving, for a disk that takes nothing; a boot then reads an older state."""
        self.state = State.IDLE
