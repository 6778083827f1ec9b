"""The role of every output: of the user first, then of whoever knows next best."""

from pathlib import Path

from edgeml.manifest import Format
from edgeml.parity.requirements import whole
from edgeml.parity.roles import Role
from edgeml_converters.formats.tensors import Array, Arrays, Names
from edgeml_converters.roles.fitting import check_boxes, check_fit
from edgeml_converters.roles.given import Roles, check_channels, check_names
from edgeml_converters.roles.graph import Graph, graph_roles
from edgeml_converters.roles.labels import Tellings, Told, with_error
from edgeml_converters.roles.onnx_graph import read_onnx
from edgeml_converters.roles.tflite_graph import read_tflite
from edgeml_converters.roles.values import value_role


def read_roles_graph(form: Format, entry: Path) -> Graph:
    """Raises InputError when the file cannot be read."""
    return read_onnx(entry) if form == "onnx" else read_tflite(entry)


def assume_roles(
    answers: Arrays, given: Roles, told: Tellings, graph: Graph | None, names: Names
) -> dict[str, tuple[Role, ...]]:
    """Output -> its roles, for all of its channels.

    answers: the model's, the sample first. given: as the user or a contract says. told: by labels,
    of these answers. graph: of a converted file; names: output -> the file's name of it. Raises
    InputError for roles of outputs, axes or channels that there are not, or that an output cannot
    have.
    """
    check_names(given, tuple(answers))
    roles = {
        name: whole(
            _roles(
                answers[name], given.get(name, ()), told.get(name), graph, names.get(name, name)
            ),
            answers[name].shape,
        )
        for name in answers
    }
    check_boxes(roles, answers)
    return roles


def _roles(
    values: Array, given: tuple[Role, ...], told: Told | None, graph: Graph | None, name: str
) -> tuple[Role, ...]:
    if given:
        check_channels(name, given, values.shape)
        check_fit(name, given, values)
        return tuple(with_error(role, values, told) for role in given)
    if values.dtype.kind in "iub":
        return (Role(kind="integers", source="values"),)
    shown = graph_roles(graph, name, values.shape) if graph is not None else ()
    otherwise = shown or value_role(values)
    by_labels = None if told is None else told.role
    if by_labels is not None and not any(_excludes(role) for role in otherwise):
        return (by_labels,)
    return otherwise


def _excludes(role: Role) -> bool:
    """Whether what the graph or the values show cannot be what labels of classes or numbers are of:
    directions, and ranges of channels that mean different things."""
    return role.kind == "embedding" or role.start > 0 or role.stop is not None
