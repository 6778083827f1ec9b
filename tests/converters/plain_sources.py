"""Sources that need no framework: what goes wrong before a model is there."""

import os
import signal
import tempfile
import time


def hangs() -> None:
    time.sleep(1000)


def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leaves() -> None:
    os._exit(3)


def hungry() -> None:
    bytearray(4 << 30)


def raises() -> None:
    raise RuntimeError("no model today")


def prints_and_returns_text() -> str:
    print('{"type":"Done"}')
    return "no model"


def leaves_a_temporary_file() -> None:
    tempfile.mkstemp(prefix="left-")
    os._exit(3)
