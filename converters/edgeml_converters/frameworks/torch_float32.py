"""PyTorch modules that compute in other floats, as modules that compute in float32.

TFLite has no operators in bfloat16 or float64, onnxruntime few on a CPU, and edgeml makes fp16
files of its own.
"""

import copy
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

import torch
from torch.amp.autocast_mode import autocast
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

# Of half precision in code; `autocast_instance` is what autocast has where it decorates.
_NAMES = {"half", "bfloat16", "float16", "autocast", "autocast_instance"}
_HALF = (torch.float16, torch.bfloat16)
_TO_DTYPE = {
    torch.Tensor.half: torch.float16,
    torch.Tensor.bfloat16: torch.bfloat16,
    torch.Tensor.double: torch.float64,
}
_CASTS = (
    "What the model's code casts to half precision or by autocast was asked and converted in "
    "float32."
)


def without_half(module: torch.nn.Module) -> tuple[torch.nn.Module, tuple[str, ...]]:
    """The module itself, with weights, casts and autocast in half precision made float32, which
    holds them exactly, and what is to be said of it; as it is where it has none."""
    said = _weights_are(float_dtypes(module) & set(_HALF))
    if not said and _casts_to_half(module):
        said = (_CASTS,)
    if not said:
        return module, ()
    return _computing(module.float(), _HALF), said


def _weights_are(half: set[torch.dtype]) -> tuple[str, ...]:
    if not half:
        return ()
    names = sorted(str(one).removeprefix("torch.") for one in half)
    return (
        f"The model's weights are {' and '.join(names)}; it was asked and converted in float32, "
        "which holds them exactly.",
    )


def exported_without_half(
    program: torch.export.ExportedProgram,
) -> tuple[torch.nn.Module, tuple[str, ...]] | None:
    """As `without_half`, of the graph of an exported program; None where it has none."""
    module = program.module(check_guards=False)  # which say what floats it was traced with
    said = _weights_are(float_dtypes(module) & set(_HALF))
    casts = False

    def wide(value: Any) -> Any:
        nonlocal casts
        half = isinstance(value, torch.dtype) and value in _HALF
        casts |= half
        return torch.float32 if half else value

    # Branches and the like are graphs of their own.
    for part in (one for one in module.modules() if isinstance(one, torch.fx.GraphModule)):
        graph: torch.fx.Graph = part.graph
        for node in list(graph.nodes):
            if node.target is torch.ops.aten._assert_tensor_metadata.default:
                graph.erase_node(node)
            else:
                node.args, node.kwargs = tree_map(wide, node.args), tree_map(wide, node.kwargs)
        part.recompile()
    if not (said or casts):
        return None
    return module.float(), said or (_CASTS,)


def without_double(module: torch.nn.Module) -> torch.nn.Module:
    """A copy whose weights and casts in float64 are float32, which rounds them."""
    return _computing(copy.deepcopy(module).float(), (torch.float64,))


def float_dtypes(module: torch.nn.Module) -> set[torch.dtype]:
    """Of its weights, but for integers."""
    weights = (*module.parameters(), *module.buffers())
    return {weight.dtype for weight in weights if weight.is_floating_point()}


def _computing(module: torch.nn.Module, instead_of: tuple[torch.dtype, ...]) -> torch.nn.Module:
    """The same object, of a class whose forward() makes float32 what asks for `instead_of`.

    A class, and no function on the object: exporters copy modules.
    """
    kind = type(module)
    outer: Any = kind.forward

    def forward(self: Any, *values: Any, **named: Any) -> Any:
        with _InFloat32(instead_of), _without_autocast():
            return outer(self, *values, **named)

    forward.__wrapped__ = outer  # type: ignore[attr-defined]  # its signature is read
    inside = {"forward": forward, "__module__": kind.__module__, "__doc__": kind.__doc__}
    module.__class__ = type(kind.__name__, (kind,), inside)
    return module


class _InFloat32(TorchFunctionMode):  # type: ignore[misc]
    """While it lasts, what asks for one of some dtypes gets float32."""

    def __init__(self, instead_of: tuple[torch.dtype, ...]) -> None:
        super().__init__()
        self._instead_of = instead_of

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if _TO_DTYPE.get(func) in self._instead_of:
            func = torch.Tensor.float
        return func(*tree_map(self._wide, args), **tree_map(self._wide, dict(kwargs or {})))

    def _wide(self, value: Any) -> Any:
        asked = isinstance(value, torch.dtype) and value in self._instead_of
        return torch.float32 if asked else value


@contextmanager
def _without_autocast() -> Generator[None]:
    enter, leave = autocast.__enter__, autocast.__exit__
    kind: Any = autocast

    def nothing(self: Any, *_: Any) -> None:
        """In the place of both."""

    kind.__enter__, kind.__exit__ = nothing, nothing
    try:
        yield
    finally:
        kind.__enter__, kind.__exit__ = enter, leave


def _casts_to_half(module: torch.nn.Module) -> bool:
    """Whether what forward() of a class of its own reaches, or a function that decorates it, names
    such. What a base class could do besides, as `half()` of transformers, is not reached."""
    kinds = {type(one) for one in module.modules()}
    return any(_NAMES & names for kind in kinds for names in _reached(kind))


def _reached(kind: type) -> Iterator[set[str]]:
    """The names in the code of forward() and of the methods that it names, and these theirs."""
    own = [one for one in kind.__mro__ if not one.__module__.startswith(("torch.", "builtins"))]
    waiting, seen = ["forward"], set(dir(torch.nn.Module)) - {"forward"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        function = next((vars(one)[name] for one in own if name in vars(one)), None)
        if not isinstance(function, FunctionType):
            continue
        for code in _codes(function):
            names = {*code.co_names, *code.co_freevars}
            yield names
            waiting += names - seen


def _codes(function: FunctionType) -> Iterator[CodeType]:
    """Its own, of what is defined inside of it, and of what it decorates."""
    waiting: list[CodeType] = []
    layer: Any = function
    while isinstance(layer, FunctionType):
        waiting.append(layer.__code__)
        layer = getattr(layer, "__wrapped__", None)
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [one for one in code.co_consts if isinstance(one, CodeType)]
