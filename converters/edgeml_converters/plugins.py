"""What other packages add, each by one file and one entry point; docs/extending.md shows how."""

import re
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, redirect_stdout
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Literal, TypeVar

from edgeml.errors import ConversionError, InputError, said

Kind = Literal["routes", "calibrators", "repairs", "lint_rules", "comparisons"]
KINDS: tuple[Kind, ...] = ("routes", "calibrators", "repairs", "lint_rules", "comparisons")
Plugin = TypeVar("Plugin")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def plugins(kind: Kind, of: type[Plugin], taken: Iterable[str] = ()) -> dict[str, Plugin]:
    """The plugins of one kind by name, sorted.

    of: the class that each must be an instance of. taken: the names of edgeml's own. Raises
    InputError for a plugin that cannot be loaded, is of another class or has no name of its own:
    a conversion without it would be another one than was asked for.
    """
    names = set(taken)
    loaded: dict[str, Plugin] = {}
    for entry in _entries(kind):
        if not _NAME.fullmatch(entry.name):
            raise InputError(
                f"The name {entry.name!r} of one of edgeml.{kind} must be of small letters, "
                f"digits, - and _, for it names folders; ask whoever made {_package(entry)}."
            )
        if entry.name in names:
            raise InputError(
                f"There are two edgeml.{kind} of the name {entry.name!r}, one of {_package(entry)};"
                " rename that one or uninstall its package."
            )
        names.add(entry.name)
        loaded[entry.name] = _loaded(entry, kind, of)
    return loaded


def any_beside_routes() -> bool:
    """Whether there is one that is called in the command's own process; see `asking`, which no two
    threads may do at once."""
    in_workers = ("edgeml.routes", "edgeml.calibrators")
    return any(entry.group not in in_workers for entry in _all_entries())


def check_kinds() -> None:
    """Raises InputError for what is added to a kind that there is not, which nobody would ask."""
    for entry in _all_entries():
        if entry.group.removeprefix("edgeml.") not in KINDS:
            raise InputError(
                f"{entry.name!r} of {_package(entry)} is one of {entry.group}, but there are "
                f"edgeml.{', edgeml.'.join(KINDS)}; mend or uninstall {_package(entry)}."
            )


@contextmanager
def asking(kind: Kind, name: str) -> Generator[None]:
    """Around what calls a plugin in the command's own process: raises ConversionError where it
    fails, which would otherwise look like a fault of edgeml's, or ends Python, which would look
    like success. What it prints goes to standard error: on standard output is the report."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        raise ConversionError(
            f"{name!r}, one of edgeml.{kind}, failed ({said(error)}); mend or uninstall the "
            "package that adds it."
        ) from error


def check_words(what: str, words: Iterable[str], known: Iterable[str]) -> None:
    """Raises ValueError for a word that is never asked for, with which a plugin would lie idle."""
    unknown = [words] if isinstance(words, str) else sorted({*words} - {*known})
    if unknown:
        raise ValueError(f"{what} {unknown[0]!r}: one or more of {', '.join(known)} are expected")


def check_sentence(answer: object) -> None:
    """Raises TypeError for what a plugin answers in place of a sentence."""
    if not isinstance(answer, str) or not answer.strip() or "\n" in answer.strip():
        raise TypeError(f"it answers {answer!r} where a sentence is expected")


def distributions() -> dict[str, str]:
    """The packages that add anything -> their versions."""
    return {
        _package(entry): entry.dist.version
        for kind in KINDS
        for entry in _entries(kind)
        if entry.dist is not None
    }


# Kept, because plugins are asked for at every output and file; what is installed while a process
# runs is for the next one.
@cache
def _all_entries() -> tuple[EntryPoint, ...]:
    try:
        groups = [group for group in entry_points().groups if group.startswith("edgeml.")]
        entries = [entry for group in groups for entry in entry_points(group=group)]
        return tuple(sorted(entries, key=lambda entry: (entry.group, entry.name)))
    except Exception as error:  # whatever a file of another package makes the reader do
        raise InputError(
            f"An installed package has entry points that cannot be read ({said(error)}); find it "
            "with 'python -m pip check' and install it again."
        ) from error


def _entries(kind: Kind) -> list[EntryPoint]:
    return [entry for entry in _all_entries() if entry.group == f"edgeml.{kind}"]


@cache
def _object(entry: EntryPoint) -> object:
    with redirect_stdout(sys.stderr):
        return entry.load()


def _loaded(entry: EntryPoint, kind: Kind, of: type[Plugin]) -> Plugin:
    try:
        plugin = _object(entry)
    except (Exception, SystemExit) as error:
        fault = f"could not be loaded ({said(error)})"
        raise _unusable(entry, kind, fault) from error
    if not isinstance(plugin, of):
        fault = f"must be a {of.__name__}, but is a {type(plugin).__name__}"
        raise _unusable(entry, kind, fault)
    return plugin


def _unusable(entry: EntryPoint, kind: Kind, fault: str) -> InputError:
    package = _package(entry)
    return InputError(
        f"{entry.name!r} of {package}, one of edgeml.{kind}, {fault}; mend or uninstall {package}."
    )


def _package(entry: EntryPoint) -> str:
    named: str | None = None if entry.dist is None else entry.dist.name
    return named or entry.module  # metadata without a name is read as None
