"""Ops of an .onnx file that are not ONNX's own, and ops that keep state or draw random numbers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import onnx
from onnx import numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

from edgeml.faults import Fault, Finding
from edgeml_converters.formats.onnx_walk import walk
from edgeml_converters.lint.counted import counted
from edgeml_converters.lint.onnx_support import ONNX_DOMAINS

_RANDOM = {
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
}  # fmt: skip


@dataclass(frozen=True)
class Use:
    """A node, in the graph, a subgraph or a function, and the opsets by which it is read."""

    node: onnx.NodeProto
    opsets: Mapping[str, int]

    @property
    def domain(self) -> str:
        return "" if self.node.domain == "ai.onnx" else self.node.domain

    @property
    def name(self) -> str:
        return f"{self.domain}.{self.node.op_type}" if self.domain else self.node.op_type

    @property
    def place(self) -> str:
        return self.node.name or next(iter(self.node.output), self.name)


def uses(model: onnx.ModelProto) -> Iterator[Use]:
    """Every node of the model, with those in branches, loops and functions."""
    for part, nodes in ((model, model.graph.node), *((f, f.node) for f in model.functions)):
        opsets = _opsets(part.opset_import)
        yield from (Use(node, opsets) for node in walk(nodes))


def _opsets(imports: Iterable[onnx.OperatorSetIdProto]) -> dict[str, int]:
    return {"" if item.domain == "ai.onnx" else item.domain: item.version for item in imports}


def foreign_ops(model: onnx.ModelProto) -> Iterator[Finding]:
    """Ops without a schema: an error, or a warning where onnxruntime alone knows the op."""
    functions = {(f.domain, f.name) for f in model.functions}
    runtimes = {(schema.domain, schema.name) for schema in get_all_operator_schema()}
    places = (
        ((use.name, use.domain, use.node.op_type, use.opsets.get(use.domain)), use.place)
        for use in uses(model)
        if (use.domain, use.node.op_type) not in functions and not _in_onnx(use)
    )
    for (name, domain, kind, opset), place, times in counted(places):
        if domain not in ONNX_DOMAINS and (domain, kind) in runtimes:
            message = (
                f"{name} is an op of onnxruntime's own{times}: no other engine, compiler or tool "
                "has to know it."
            )
            yield _foreign("warning", message, place)
        else:
            where = f"opset {opset} of {domain or 'ai.onnx'}" if opset else "what the file imports"
            message = (
                f"onnxruntime has no op {name} in {where}{times}; rewrite it or replace the layer "
                "that it comes from."
            )
            yield _foreign("error", message, place)


def _in_onnx(use: Use) -> bool:
    version = use.opsets.get(use.domain)
    if version is None or use.domain not in ONNX_DOMAINS:
        return False
    try:
        schema = onnx.defs.get_schema(use.node.op_type, version, use.domain)
    except onnx.defs.SchemaError:
        return False
    return not schema.deprecated


def _foreign(severity: Literal["error", "warning"], message: str, where: str) -> Finding:
    return Finding(fault=Fault.FOREIGN_OP, severity=severity, message=message, where=where)


def stateful_ops(model: onnx.ModelProto) -> Iterator[Finding]:
    """Random numbers, and Dropout that is told that it is training."""
    constants = _constants(model)
    places = (
        (use.node.op_type, use.place)
        for use in uses(model)
        if use.domain == "" and (use.node.op_type in _RANDOM or _drops(use.node, constants))
    )
    for kind, place, times in counted(places):
        yield Finding(
            fault=Fault.STATEFUL_OP,
            severity="warning",
            message=f"{kind} gives other values in each call{times}; take it out of inference, or "
            "export the model in evaluation mode.",
            where=place,
        )


def _drops(node: onnx.NodeProto, constants: Mapping[str, bool]) -> bool:
    """Dropout with a third input, training_mode, that is not the constant False."""
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False
    return constants.get(node.input[2], True)


def _constants(model: onnx.ModelProto) -> dict[str, bool]:
    """The constant booleans of one element, by name."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for use in uses(model):
        for attribute in use.node.attribute:
            if use.node.op_type == "Constant" and attribute.name == "value":
                tensors[use.node.output[0]] = attribute.t
    return {
        name: bool(numpy_helper.to_array(tensor).any())
        for name, tensor in tensors.items()
        if tensor.data_type == onnx.TensorProto.BOOL and len(tensor.dims) == 0
    }
