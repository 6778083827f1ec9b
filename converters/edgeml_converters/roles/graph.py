"""The roles that a graph shows: back from an output through what only moves values about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgeml.parity.roles import Kind, Role

MapKind = Literal["softmax", "log-softmax", "sigmoid", "unit vectors"]
Shape = tuple[int | None, ...]

MAP_AXES = 4  # samples, channels, height, width


@dataclass(frozen=True)
class Made:
    """How a tensor came about.

    kind: "moved" is reshaped, transposed, cut or cast from the first input; "joined" is its inputs
    side by side along `axis`; a MapKind makes values of one meaning along `axis`.
    turned: whether axes may stand elsewhere than in the first input.
    """

    kind: MapKind | Literal["moved", "joined"]
    inputs: tuple[str, ...]
    axis: int | None = None
    turned: bool = False


@dataclass(frozen=True)
class Graph:
    """makers: of the tensors whose makers tell something. shapes: as far as they are known."""

    makers: Mapping[str, Made]
    shapes: Mapping[str, Shape]


def graph_roles(graph: Graph, output: str, shape: tuple[int, ...]) -> tuple[Role, ...]:
    """What the graph shows of the file's `output`; empty where it shows nothing.

    shape: of the model's answers, the sample first; every axis is one of it.
    """
    made, name, turned = _behind(graph, output)
    if made is None:
        return ()
    if made.kind != "joined":
        role = _role(made, graph.shapes.get(name), shape, turned)
        return () if role is None else (role,)
    return _joined(graph, name, made, shape, turned)


def _joined(
    graph: Graph, name: str, made: Made, shape: tuple[int, ...], turned: bool
) -> tuple[Role, ...]:
    """The roles of what was put side by side, each for its channels."""
    widths = [_size(graph.shapes.get(part), made.axis) for part in made.inputs]
    axis = _same_axis(made.axis, graph.shapes.get(name), shape, turned)
    known = [width for width in widths if width is not None]
    if axis is None or len(known) < len(widths) or sum(known) != shape[axis]:
        return ()
    parts = [
        graph_roles(
            graph, part, tuple(width if i == axis else size for i, size in enumerate(shape))
        )
        for part, width in zip(made.inputs, known, strict=True)
    ]
    if len(set(parts)) == 1 and all(role.axis != axis for role in parts[0]):
        return parts[0]  # more of the same, as the anchors of several scales
    roles: list[Role] = []
    start = 0
    for of_part, width in zip(parts, known, strict=True):
        for role in of_part:
            if role.kind in ("scores", "mask") or role.axis == axis:
                begin = start + (role.start if role.axis == axis else 0)
                end = start + (role.stop if role.axis == axis and role.stop else width)
                kind: Kind = "scores" if role.kind == "mask" else role.kind
                roles.append(Role(kind=kind, axis=axis, start=begin, stop=end, source="graph"))
        start += width
    return tuple(roles)


def _behind(graph: Graph, name: str) -> tuple[Made | None, str, bool]:
    """What made the tensor, behind all that only moved it; the tensor that it made; and whether
    that was turned."""
    seen: set[str] = set()
    turned = False
    while (made := graph.makers.get(name)) is not None and made.kind == "moved":
        if name in seen:
            return None, name, turned
        seen.add(name)
        turned = turned or made.turned
        name = made.inputs[0]
    return made, name, turned


def _role(made: Made, inner: Shape | None, shape: tuple[int, ...], turned: bool) -> Role | None:
    axis = _same_axis(made.axis, inner, shape, turned)
    if made.kind == "sigmoid":
        return Role(kind="mask" if len(shape) >= MAP_AXES else "scores", source="graph")
    if axis is None:
        return None
    kinds: dict[str, Kind] = {
        "softmax": "probabilities", "log-softmax": "logits", "unit vectors": "embedding",
    }  # fmt: skip
    return Role(kind=kinds[made.kind], axis=axis, source="graph")


def _same_axis(
    axis: int | None, inner: Shape | None, shape: tuple[int, ...], turned: bool
) -> int | None:
    """Where `axis` of a tensor stands in an output that was made of it by moving values.

    By its size, which must be that of one axis alone, or of the same one in both.
    turned: whether one of several axes of that size may stand in another's place.
    """
    size = _size(inner, axis)
    if inner is None or axis is None or size is None:
        return None
    places = [place for place in range(1, len(shape)) if shape[place] == size]
    same = axis % len(inner)
    if len(inner) == len(shape) and same in places and not (turned and len(places) > 1):
        alike = [i for i in range(1, len(inner)) if inner[i] == size]
        if len(places) == 1 or _agree(inner, shape) or alike == places == [same]:
            return same
    return places[0] if len(places) == 1 else None


def _agree(inner: Shape, shape: tuple[int, ...]) -> bool:
    """Whether nothing seems to be moved at all."""
    pairs = zip(inner[1:], shape[1:], strict=True)
    return all(a is None or a == b for a, b in pairs)


def _size(shape: Shape | None, axis: int | None) -> int | None:
    if shape is None or axis is None or not -len(shape) <= axis < len(shape):
        return None
    return shape[axis]
