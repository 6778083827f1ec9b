"""One way from a framework's model to a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from edgeml.manifest import Format
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.steps.messages import Converted

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

    def function(self) -> RouteFunction:
        """Imports the route, and with it its framework."""
        function: RouteFunction = resolve_name(self.where)
        return function
