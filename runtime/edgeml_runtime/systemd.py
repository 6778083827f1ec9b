"""What systemd is told: that the daemon is ready, that it lives, that it ends (sd_notify(3))."""

import os
import socket
from contextlib import suppress


def notify(**values: object) -> None:
    """notify(READY=1, STATUS="1 predicts."), where a service manager listens, and else nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    lines = "\n".join(f"{key}={value}" for key, value in values.items())
    if address[0] == "@":  # a name in the abstract space
        address = "\0" + address[1:]
    with (
        suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
    ):
        channel.sendto(lines.encode(), address)


def watchdog_seconds() -> float | None:
    """Within which systemd wants to hear that this process lives; None where it does not ask."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6
