"""Being asked to end, however that moment falls.

What C's handler writes to a pipe wakes whoever waits on it. A lock would not: a signal between the
last look and the sleep is not seen until the next one, and a handler that takes the lock that its
own thread holds waits for ever.
"""

import os
import select
import signal
from types import FrameType


class EndSignals:
    """SIGTERM and SIGINT, from here on; to be made in the main thread."""

    def __init__(self) -> None:
        self._asked, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _woken)

    def wait(self, seconds: float | None = None) -> bool:
        """Whether one came, within `seconds`, or however long that takes."""
        return bool(select.select([self._asked], [], [], seconds)[0])


def _woken(_number: int, _frame: FrameType | None) -> None:
    """The pipe has it already."""
