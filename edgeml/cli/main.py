"""The door: commands by name, every error as one sentence and an exit code."""

import errno
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, NoReturn

from edgeml import __version__
from edgeml.errors import EdgemlError, InputError, StorageError

try:
    import typer
except ModuleNotFoundError:
    print(
        "edgeml: the command line needs the 'workstation' extra; install edgeml[workstation] "
        "(a device needs 'edgeml-runtime' alone).",
        file=sys.stderr,
    )
    sys.exit(InputError.exit_code)

COMMANDS = (
    "convert",
    "package",
    "inspect",
    "verify",
    "publish",
    "monitor",
    "devices",
    "broker",
    "bisect",
    "compare",
    "profile",
    "doctor",
)


_INTERRUPTED = 130  # what typer makes of Ctrl-C
_OF_PATHS = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOTDIR)
_STDOUT = 1  # also where sys.stdout is None


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The typer application with the command that `arguments` begin with, or with all of them.

    `edgeml/cli/NAME.py` holds the function NAME_command for every command.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",  # else a docstring's line breaks stand in the help
        help="Takes a trained model to a monitored fleet of devices.",
    )
    app.callback()(_options)  # else a command that is alone has no name
    for name in arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS:
        module = import_module(f"edgeml.cli.{name}")
        app.command(name)(getattr(module, f"{name}_command"))
    return app


def _show_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    arguments = sys.argv[1:] or ["--help"]
    try:
        try:
            # Without typer's own handling, which knows other forms for an error than one sentence.
            code = build(arguments)(arguments, standalone_mode=False)
        finally:
            if sys.stdout is not None:  # as where it is closed
                sys.stdout.flush()
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
    except EdgemlError as error:
        fail(str(error), error.exit_code)
    except typer.TyperException as error:
        command = " ".join(["edgeml", *(name for name in arguments[:1] if name in COMMANDS)])
        said = " ".join(error.format_message().split()).rstrip(".")
        fail(f"{said}; see '{command} --help'.", InputError.exit_code)
    except (BrokenPipeError, SystemExit) as error:
        # Typer and rich make an exit with 1 of it.
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # Whoever read our output has gone; Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
        sys.exit(141)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            # What could not be printed would be tried once more at Python's end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
            fail("the disk is full; free some space.", StorageError.exit_code)
        if os.environ.get("EDGEML_DEBUG"):
            traceback.print_exc()
        if isinstance(error, OSError) and error.errno in _OF_PATHS and error.filename:
            fail(
                f"{error.filename} cannot be used ({error.strerror}); check the path and its "
                "rights.",
                InputError.exit_code,
            )
        fail(
            f"an unforeseen {type(error).__name__}: {error}; run again with EDGEML_DEBUG=1 and "
            "report what it prints.",
            1,
        )


def fail(sentence: str, exit_code: int) -> NoReturn:
    said = " ".join(f"edgeml: {sentence}".splitlines())  # of a path too, or of what a library says
    if sys.stderr is not None and sys.stderr.isatty():  # which would cut words at its edge
        width = shutil.get_terminal_size().columns
        said = textwrap.fill(said, width, break_long_words=False, break_on_hyphens=False)
    print(said, file=sys.stderr)
    sys.exit(exit_code)
