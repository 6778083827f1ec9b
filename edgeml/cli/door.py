"""The command's first step: what a signal means, before anything heavy is imported."""

import signal
import sys


def main() -> None:
    """Ends with 130 at Ctrl-C and with 143 at SIGTERM, wherever they come."""
    # As an exception, so that what is half-written is removed on the way out.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    try:
        from edgeml.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("edgeml: interrupted.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
