"""One way from a framework's model to a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast, get_args

from edgeml.errors import ConversionError
from edgeml.manifest import Format
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.plugins import check_sentence, check_words
from edgeml_converters.steps.messages import Converted

# Every Model's `form`.
FORMS = (
    "module", "exported", "script", "keras", "saved-model", "saved-model-v1", "onnx-file",
    "tflite-file",
)  # fmt: skip
# (model, example inputs, the outputs' names, the folder for the files)
RouteFunction = Callable[[Any, Arrays, tuple[str, ...], Path], Converted]


@dataclass(frozen=True)
class Route:
    """title: for people. forms: the kinds of model that it takes, each a Model's `form`.

    where: module:function, imported in the worker process alone.
    first: before edgeml's own routes, else after them; for what other packages add.
    """

    title: str
    format: Format
    forms: tuple[str, ...]
    where: str
    first: bool = False

    def __post_init__(self) -> None:
        check_sentence(self.title)
        check_words("format", (self.format,), get_args(Format))
        check_words("forms", self.forms, FORMS)

    def function(self) -> RouteFunction:
        """Imports the route, and with it its framework."""
        function: RouteFunction = resolve_name(self.where)
        return function


def checked(answer: object, folder: Path) -> Converted:
    """What a route returned; raises ConversionError where it or the folder is not as agreed."""
    if not isinstance(answer, Converted):
        raise ConversionError(f"it returned a {type(answer).__name__} and not a Converted")
    entry = cast(object, answer.entry)
    if not isinstance(entry, str) or entry not in {file.name for file in folder.iterdir()}:
        raise ConversionError(f"its entry {entry!r} is no name of a file that it wrote")
    if any(file.is_dir() for file in folder.iterdir()):
        raise ConversionError("it made a folder among its files, but a variant has none")
    return answer
