"""The command's first step: what a signal means, before anything heavy is imported."""

import signal
import sys


def main() -> None:
    """Ends with 130 at Ctrl-C, with 143 at SIGTERM and with 129 when its terminal goes away."""
    # As an exception, so that what is half-written is removed on the way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # and not under nohup
        signal.signal(signal.SIGHUP, lambda number, _frame: sys.exit(128 + number))
    try:
        from edgeml.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("edgeml: interrupted.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
