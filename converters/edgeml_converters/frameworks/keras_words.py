"""What Keras and TensorFlow say, and what is to be done with a layer that no other format has."""

import re

from edgeml.errors import first_line

# Keras wraps what a layer said into lines of its own, and prints it in bold.
_CALLED = re.compile(r"Exception encountered when calling .*?\n+\x1b\[1m(.*?)\x1b\[0m", re.DOTALL)
# In a graph, TensorFlow names the node below what it says of it.
_NODE = re.compile(r"^(.+)\n\s*\[\[\{\{node", re.MULTILINE)
_TRACED = "in user code:"  # above the places, and below them what is the matter
_UNKNOWN = re.compile(
    r"Could not locate (?P<kind>\w+) '(?P<name>\w+)'|Unknown (?P<old>[\w ]+): '(?P<known_as>\w+)'"
)


def reason(error: BaseException) -> str:
    """The first line of what an error says itself, without what is written around it; its kind
    where it says nothing."""
    return _inside(error) or type(error).__name__


def said(error: BaseException) -> str:
    """As edgeml.errors.said, without what Keras writes around it."""
    line = _inside(error)
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def _inside(error: BaseException) -> str:
    text = str(error)
    while (inner := _CALLED.search(text)) is not None:
        text = inner[1]
    if (at_node := _NODE.search(text)) is not None:
        text = at_node[1]
    if first_line(text) == _TRACED:
        text = text.strip().splitlines()[-1].strip()
    return first_line(text).rstrip(".")


def unknown_class(error: BaseException) -> str:
    """The name of what a Keras file holds and Keras does not have; empty where that is not it."""
    found = _UNKNOWN.search(str(error))
    return (found["name"] or found["known_as"]) if found else ""


def behind(layer: str) -> str:
    """The model behind a layer, as code."""
    return f"keras.Model(model.get_layer({layer!r}).output, model.outputs)"
