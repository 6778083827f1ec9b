"""A conversion file: options of `edgeml convert` in TOML, each by its name.

    source = "net.py:model"
    to = ["onnx", "tflite"]
    calibration-data = "training.npz"

    [output]
    head = ["boxes,axis=2,channels=0:4", "scores,axis=2,channels=4:"]

    [tolerance.head]
    boxes-moved = 0.05

What stands on the command line counts in place of what the file says.
"""

import reprlib
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeml.errors import InputError


def read_options(context: typer.Context, file: Path | None) -> Path | None:
    """Gives the command the options of the file; raises InputError where it cannot mean them."""
    if file is not None:
        options = {_spelled(one): one for one in context.command.params if one.name != "config"}
        context.default_map = {
            options[key].name: _value(file, key, given, options[key])
            for key, given in _document(file, options).items()
        }
    return file


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        help="A conversion file in TOML with these options by their names; those that are given "
        "beside it count first. See docs/convert.md.",
        is_eager=True,
        callback=read_options,
    ),
]


def _spelled(option: Any) -> str:
    """As in the file: --no-repair is repair = false."""
    long = [name for name in option.opts if name.startswith("--")]
    return long[0].removeprefix("--") if long else str(option.name)


def _document(file: Path, options: Mapping[str, object]) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text("utf-8-sig"))
        repr(document)  # refuses a number too long to be shown, as hexadecimal digits can write it
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); name a TOML file.") from error
    except ValueError as error:  # no TOML, or no text at all
        raise InputError(f"{file} is not TOML ({error}); mend it.") from error
    except RecursionError:
        raise InputError(f"{file} nests lists or tables too deep to be read; mend it.") from None
    for key in document:
        if key not in options:
            near = get_close_matches(key, options, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(options)}."
            raise InputError(f"{file}: {key!r} is no option of 'edgeml convert'; {meant}")
    return document


def _value(file: Path, key: str, given: object, option: Any) -> object:
    """As the command line would have it: words of numbers too, which are checked there."""
    if option.multiple:
        return list(_several(file, key, given))
    flag: bool = getattr(option, "is_flag", False)  # an argument has none
    if flag != isinstance(given, bool) or not isinstance(given, str | int | float):
        wanted = "true or false" if flag else "one text or number"
        raise InputError(f"{file}: {key!r} must be {wanted}, but is {reprlib.repr(given)}.")
    return given if flag else str(given)


def _several(file: Path, key: str, given: object, name: str = "") -> Iterator[str]:
    """Of a table NAME = VALUE each line; a name with dots in it needs no quotes."""
    if isinstance(given, dict):
        for part, value in given.items():
            last = key == "tolerance" and name and not isinstance(value, dict)
            joint = ":" if last else "."  # NAME:FIGURE
            yield from _several(file, key, value, f"{name}{joint}{part}" if name else part)
    else:
        for one in given if isinstance(given, list) else [given]:
            yield f"{name}={_word(file, key, one)}" if name else _word(file, key, one)


def _word(file: Path, key: str, given: object) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise InputError(
            f"{file}: {key!r} must hold texts and numbers, but holds {reprlib.repr(given)}."
        )
    return str(given)
