"""The command's first step: what a signal means, before anything heavy is imported."""

import signal
import sys
from contextlib import suppress
from types import FrameType


class _Asked(SystemExit):
    """As an exception, so that what is half-written is removed on the way out."""


def main() -> None:
    """Ends with 130 at Ctrl-C, with 143 at SIGTERM and with 129 when its terminal goes away."""
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # and not under nohup
        signal.signal(signal.SIGHUP, _end)
    try:
        from edgeml.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("edgeml: interrupted.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except _Asked as asked:
        with suppress(OSError):  # of a terminal that has gone
            print("edgeml: ended, since it was asked to.", file=sys.stderr, flush=True)
        sys.exit(asked.code)


def _end(number: int, _frame: FrameType | None) -> None:
    # A terminal that closes says so more than once, and the second would cut the tidying up short.
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    raise _Asked(128 + number)
