"""PyTorch models that somebody else has quantised: graphs with quantise and dequantise nodes, as
torchao's `convert_pt2e` makes them after calibration or quantisation-aware training."""

from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from typing import Any

import torch

# Names the operators of those nodes, also for a program that is loaded from a file.
import torch.ao.quantization.fx._decomposed  # pyright: ignore[reportUnusedImport]
from torch.ao.quantization import FakeQuantizeBase

from edgeml.errors import InputError
from edgeml.manifest import Precision

_OPS: Any = torch.ops.quantized_decomposed
_ROUND = {
    _OPS.dequantize_per_tensor.default: _OPS.quantize_per_tensor.default,
    _OPS.dequantize_per_channel.default: _OPS.quantize_per_channel.default,
}
_PACKED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized")
_UNSIGNED = 128  # an int8 of the same meaning is less by this


class Rounded(torch.nn.Module):  # type: ignore[misc]
    """What a FakeQuantize does after training, by numbers that do not change any more."""

    def __init__(self, fake: Any) -> None:
        super().__init__()
        less = _UNSIGNED if fake.quant_max > 127 else 0
        self._limits = (int(fake.quant_min) - less, int(fake.quant_max) - less)
        self._axis = int(fake.ch_axis) if fake.is_per_channel else None
        zero_points = fake.zero_point.to(torch.int64) - less
        if self._axis is None:
            self._scale, self._zero_point = float(fake.scale), int(zero_points)
        else:
            self.register_buffer("scales", fake.scale.to(torch.float64))
            self.register_buffer("zero_points", zero_points)

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._axis is None:
            bounds = _bounds(self._scale, self._zero_point, *self._limits, torch.int8)
            tensor = tensor if bounds is None else tensor.clamp(*bounds)
            how = (self._scale, self._zero_point, *self._limits, torch.int8)
            rounded = _OPS.quantize_per_tensor.default(tensor, *how)
            restored: torch.Tensor = _OPS.dequantize_per_tensor.default(rounded, *how)
            return restored
        how_each = (self.scales, self.zero_points, self._axis, *self._limits, torch.int8)
        rounded = _OPS.quantize_per_channel.default(tensor, *how_each)
        restored = _OPS.dequantize_per_channel.default(rounded, *how_each)
        return restored


def _bounds(
    scale: float, zero_point: int, low: int, high: int, kind: torch.dtype
) -> tuple[float, float] | None:
    """Where to cut off what is rounded to fewer steps than its type has, since files round to all
    of them; None where it uses them."""
    limits = torch.iinfo(kind)
    if low <= limits.min + 1 and high >= limits.max:
        return None
    return (low - zero_point) * scale, (high - zero_point) * scale


def frozen(module: torch.nn.Module) -> torch.nn.Module:
    """With every FakeQuantize that is switched on as `Rounded`, and others gone, and what graphs
    round to fewer steps cut off; in place.

    Raises InputError for one that rounds to more than 8 bits.
    """
    for part in list(module.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, FakeQuantizeBase):
                setattr(part, name, _frozen(f"{name} of {type(part).__name__}", child))
    for graph in _graphs(module):
        rounding = [n for n in graph.graph.nodes if n.target is _OPS.quantize_per_tensor.default]
        for node in rounding:
            _cut_off(graph, node)
    return module


def _cut_off(graph: torch.fx.GraphModule, node: torch.fx.Node) -> None:
    """By a node before it, see `_bounds`."""
    source, scale, *integers, kind = node.args
    zero_point, low, high = (int(str(value)) for value in integers)
    assert isinstance(kind, torch.dtype)
    bounds = _bounds(float(str(scale)), zero_point, low, high, kind)
    if bounds is None:
        return
    with graph.graph.inserting_before(node):
        cut = graph.graph.call_function(torch.ops.aten.clamp.default, (source, *bounds))
    node.args = (cut, *node.args[1:])
    graph.recompile()


def _frozen(place: str, fake: Any) -> torch.nn.Module:
    if not fake.fake_quant_enabled[0]:
        return torch.nn.Identity()
    steps = fake.quant_max - fake.quant_min
    if steps > 255 or fake.quant_max > 255 or fake.quant_min < -128:
        raise InputError(
            f"The FakeQuantize {place} rounds to {fake.quant_min} to {fake.quant_max}, but int8 "
            "files hold 8 bits; train with at most those."
        )
    return Rounded(fake)


def precision_of(module: torch.nn.Module) -> Precision:
    """fp32 of one that does not round at all."""
    if packed(module) or any(isinstance(part, Rounded) for part in module.modules()):
        return "int8"
    nodes = [
        node
        for graph in _graphs(module)
        for node in graph.graph.nodes
        if getattr(node.target, "namespace", "") == "quantized_decomposed"
    ]
    if any("choose_qparams" in str(node.target) for node in nodes):
        return "int8-dynamic"
    if any(node.target in _ROUND.values() and node.args[0].op != "get_attr" for node in nodes):
        return "int8"
    return "int8-weights" if nodes else "fp32"


def packed(module: torch.nn.Module) -> str:
    """The kind of a module whose weights lie packed for PyTorch's own processor; empty if none."""
    kinds = (type(part) for part in module.modules())
    return next((kind.__name__ for kind in kinds if kind.__module__.startswith(_PACKED)), "")


def in_int8(module: torch.nn.Module) -> torch.nn.Module:
    """The same model with float weights that are rounded in the graph, and int8 where it has uint8,
    which is all that litert-torch 0.10 takes."""
    module = deepcopy(module)
    for graph in _graphs(module):
        for node in list(graph.graph.nodes):
            if node.op == "call_function" and node.target in (*_ROUND, *_ROUND.values()):
                if node.target in _ROUND and node.args[0].op == "get_attr":
                    _unfold(graph, node)
                _sign(node)
        graph.graph.lint()
        graph.recompile()
    return module


def _graphs(module: torch.nn.Module) -> Iterator[torch.fx.GraphModule]:
    for part in module.modules():
        if isinstance(part, torch.fx.GraphModule):
            yield part


def _unfold(graph: torch.fx.GraphModule, node: torch.fx.Node) -> None:
    """Rounds a float constant before `node` in place of the integers that stand there."""
    stored = node.args[0]
    assert isinstance(stored, torch.fx.Node)
    values = [_value(graph, argument) for argument in node.args]
    target: Any = node.target
    name = f"{str(stored.target).replace('.', '_')}_float"
    graph.register_buffer(name, target(*values))
    with graph.graph.inserting_before(node):
        floats = graph.graph.get_attr(name)
        rounded = graph.graph.call_function(_ROUND[target], (floats, *node.args[1:]))
    _sign(rounded)
    node.args = (rounded, *node.args[1:])


def _value(graph: torch.fx.GraphModule, argument: Any) -> Any:
    if not isinstance(argument, torch.fx.Node):
        return argument
    return reduce(getattr, str(argument.target).split("."), graph)


def _sign(node: torch.fx.Node) -> None:
    """Of one for a whole tensor: uint8 as int8 of the same meaning."""
    if "per_tensor" not in str(node.target) or node.args[-1] is not torch.uint8:
        return
    source, scale, *integers, _ = node.args
    less: list[Any] = [int(str(value)) - _UNSIGNED for value in integers]
    node.args = (source, scale, *less, torch.int8)
