"""Ties a child process to its parent: `python -m edgeml_devices.tether PARENT COMMAND...`.

The kernel ends COMMAND when the thread that started it ends, by SIGTERM, so that a broker saves
what it keeps.
`spawn` starts children from one thread that lives as long as the interpreter, so a child outlives
the thread that asked for it. Only Linux has such a tie; elsewhere COMMAND ends when it is stopped.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from edgeml.parent import end_with

_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tether")


def spawn(command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts `command` out of reach of the terminal's Ctrl-C; its output goes to `log`."""
    tethered = [sys.executable, "-m", "edgeml_devices.tether", str(os.getpid()), *command]
    return _SPAWNER.submit(_popen, tethered, log).result()


def _popen(command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
    )


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    end_with(parent, signal.SIGTERM)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
