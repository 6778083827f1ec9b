"""Who takes up what is released, and takes it up later where that could not be."""

import math
import os
import threading
import time
import traceback

from edgeml.errors import VerificationError
from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml.trust import Verifier
from edgeml_runtime.slot import Slot
from edgeml_runtime.swap.boot import Left, boot, prepare
from edgeml_runtime.swap.fetch import Fetcher
from edgeml_runtime.swap.steps import Swap


class Uptake:
    """Of one slot: `boot` at the start, then `run` in a thread of its own; `hear` from any.

    ending: once it is set, what is under way is dropped, after `wake`.
    """

    def __init__(self, slot: Slot, link: Link, topics: Topics, ending: threading.Event) -> None:
        config = slot.config
        self._slot = slot
        self._ending = ending
        self._mail = threading.Condition()
        self._newest: Release | None = None
        self._under_way: Release | None = None  # what is taken up or tried again later
        self._again: Release | None = None  # kept over a bug that ends `run`
        self._left = Left.NOTHING
        self._left_until = math.inf  # when a stored model is loaded that the network comes before
        self._told_of_garbage = -math.inf
        self.heard = False  # a release, whatever it is
        self._verifier = Verifier(config.fleet, slot.followed.model, slot.followed.channel)
        fetcher = Fetcher(
            link,
            topics,
            window_blobs=config.window_blobs,
            stall_seconds=config.stall_seconds,
            stalled=lambda message: slot.reporter.event("stalled", message),
            stopped=self._interrupted,
        )
        self._swap = Swap(slot, self._verifier, fetcher, self._interrupted)

    def boot(self) -> None:
        self._left = boot(self._slot)
        if self._left is Left.AFTER_NETWORK:
            self._left_until = time.monotonic() + self._slot.config.retry_seconds
        for refusal in self._slot.refusals.known:
            self._slot.reporter.event(
                "rejected" if refusal.final else "postponed",
                f"It was not taken up before: {refusal.message}",
                release=refusal.release,
                category=refusal.category,
            )
        self._slot.tell()

    def hear(self, _topic: str, payload: bytes) -> None:
        """A release has come, or what is said to be one: only what is trusted interrupts."""
        self.heard = True
        if not payload:  # a retained release was removed: what is live stays
            return
        slot = self._slot
        try:
            release = self._verifier.release(payload, slot.store.record.trusted, int(time.time()))
        except VerificationError as error:
            if time.monotonic() >= self._told_of_garbage + slot.config.retry_seconds:
                self._told_of_garbage = time.monotonic()
                slot.reporter.refusal("rejected", error, None)
            return
        with self._mail:
            if release == self._under_way:  # a reconnect brings it again
                return
            self._newest = release
            self._mail.notify_all()

    def wake(self) -> None:
        with self._mail:
            self._mail.notify_all()

    def run(self) -> None:
        again, slot = self._again, self._slot
        if self._left is Left.AFTER_NETWORK:
            again = self._next(again, slot.config.notice_seconds)
            self._left, self._left_until = Left.NOTHING, math.inf
            if slot.live.identity is None and not self._ending.is_set():
                self._left = boot(slot, hurried=False)
        while not self._ending.is_set():
            if self._prepare_in() <= 0 and not self._interrupted():
                self._left = prepare(slot, self._interrupted)
                continue
            due_in = min(self._prepare_in(), slot.refusals.due_in(again) if again else math.inf)
            again = self._again = self._next(again, None if due_in == math.inf else due_in)

    def _prepare_in(self) -> float:
        """Seconds until a version may be prepared again, infinite where none is."""
        if self._left is not Left.PREPARING:
            return math.inf
        record, refusals = self._slot.store.record, self._slot.refusals
        waiting = [
            refusals.due_in(installed.release)
            for installed in (record.active, record.previous)
            if installed is not None and not self._slot.predicts(installed)
        ]
        return min(waiting, default=0.0)

    def _interrupted(self) -> bool:
        late = time.monotonic() > self._left_until
        return self._ending.is_set() or self._newest is not None or late

    def _next(self, again: Release | None, seconds: float | None) -> Release | None:
        """Waits for a release and takes it, or `again`, after `seconds`, what could not be taken
        before; returns what is to be taken again later."""
        with self._mail:
            self._mail.wait_for(self._interrupted, seconds)
            newest, self._newest = self._newest, None
            release = again if newest is None or self._is_live(newest) else newest
            if self._ending.is_set() or release is None:
                return again
            self._under_way = release
        refusals = self._slot.refusals
        if refusals.due_in(release) > 0:
            done = refusals.due_in(release) == math.inf
        else:
            done = self._take(release)
        if done:
            self._under_way = None
        return None if done else release

    def _take(self, release: Release) -> bool:
        try:
            return self._swap.take(release)
        except Exception as error:  # a bug of ours keeps nobody from predicting
            self._swap.abandon(release, error)
            if os.environ.get("EDGEML_DEBUG"):
                traceback.print_exc()
            return False

    def _is_live(self, release: Release) -> bool:
        active = self._slot.store.record.active
        return active is not None and active.release == release and self._slot.predicts(active)
