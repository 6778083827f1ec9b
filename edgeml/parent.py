"""A process that ends when its parent does, however that ends (SIGKILL too)."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel for `number` as soon as the thread that started this process has ended.

    parent: its process, which may have ended already; then this process ends here. The tie is kept
    over exec. Only Linux has it.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent is gone")
