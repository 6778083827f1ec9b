"""The door: commands by name, every error as one sentence and an exit code."""

import os
import sys
import traceback
from importlib import import_module
from typing import NoReturn

from edgeml.errors import EdgemlError

try:
    import typer
except ModuleNotFoundError:
    sys.exit(
        "edgeml: the command line needs the 'workstation' extra; install edgeml[workstation] "
        "(a device needs 'edgeml-runtime' alone)."
    )

COMMANDS = (
    "convert",
    "package",
    "inspect",
    "verify",
    "publish",
    "monitor",
    "devices",
    "broker",
    "doctor",
)


def build() -> typer.Typer:
    """The typer application; `edgeml/cli/NAME.py` holds the function NAME for every command."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Takes a trained model to a monitored fleet of devices.",
    )
    for name in COMMANDS:
        module = import_module(f"edgeml.cli.{name}")
        app.command(name)(getattr(module, f"{name}_command"))
    return app


def main() -> None:
    try:
        build()()
    except EdgemlError as error:
        fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        fail("interrupted.", 130)
    except Exception as error:
        if os.environ.get("EDGEML_DEBUG"):
            traceback.print_exc()
        fail(
            f"an unforeseen {type(error).__name__}: {error}; run again with EDGEML_DEBUG=1 and "
            "report what it prints.",
            1,
        )


def fail(sentence: str, exit_code: int) -> NoReturn:
    print(f"edgeml: {sentence}", file=sys.stderr)
    sys.exit(exit_code)
