"""An ONNX file whose samples are on another axis than the first, with that axis moved."""

from pathlib import Path

import onnx
from onnx import helper

from edgeml_converters.asked import Asked, check_axis
from edgeml_converters.formats.onnx_asked import opset_of
from edgeml_converters.formats.onnx_walk import rename

_INSIDE = " inside"
_MOVED = " moved"  # of nodes: one without a name may get that of its output, which is inside
_FIRST = "edgeml first axis"
_AXES_OPSET = 13  # from here on Squeeze takes its axes as an input


def adapted(path: Path, asked: Asked, folder: Path) -> Path:
    """The file with transposes around it, written to `folder`; as it is where nothing is asked.

    Raises InputError for an axis that a tensor has not.
    """
    if not asked.batch_axes:
        return path
    model = onnx.load(path)
    if any(one.axis is None for one in asked.batch_axes):
        if opset_of(model) < _AXES_OPSET:
            model = onnx.version_converter.convert_version(model, _AXES_OPSET)
        model.graph.initializer.append(helper.make_tensor(_FIRST, onnx.TensorProto.INT64, [1], [0]))
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    moved = {
        value.name: asked.batch_axis(value.name)
        for value in (*graph.input, *graph.output)
        if value.name not in weights and asked.batch_axis(value.name) != 0
    }
    rename(graph.node, {name: f"{name}{_INSIDE}" for name in moved})
    before = [
        _moved(value, moved[value.name], inward=True)
        for value in graph.input
        if value.name in moved
    ]
    after = [
        _moved(value, moved[value.name], inward=False)
        for value in graph.output
        if value.name in moved
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    target = folder / "adapted.onnx"
    onnx.save(model, target)
    return target


def _moved(value: onnx.ValueInfoProto, axis: int | None, *, inward: bool) -> onnx.NodeProto:
    """The node between the outside and the inside, and in place the shape of the outside."""
    name, shape = value.name, value.type.tensor_type.shape
    ends = (name, f"{name}{_INSIDE}") if inward else (f"{name}{_INSIDE}", name)
    sizes = list(shape.dim)
    if axis is None:
        outside = [onnx.TensorShapeProto.Dimension(dim_value=1), *sizes]
        kind = "Squeeze" if inward else "Unsqueeze"
        node = helper.make_node(kind, [ends[0], _FIRST], [ends[1]], f"{name}{_MOVED}")
    else:
        check_axis(name, axis, len(sizes))
        rest = [place for place in range(len(sizes)) if place != axis]
        outside = [sizes[axis], *(sizes[place] for place in rest)]
        to_outside = [axis, *rest]
        perm = [to_outside.index(place) for place in range(len(sizes))] if inward else to_outside
        node = helper.make_node("Transpose", [ends[0]], [ends[1]], f"{name}{_MOVED}", perm=perm)
    copies = [
        onnx.TensorShapeProto.Dimension.FromString(size.SerializeToString()) for size in outside
    ]
    del shape.dim[:]
    shape.dim.extend(copies)
    return node
