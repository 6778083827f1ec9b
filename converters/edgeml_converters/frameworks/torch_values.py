"""What an exporter that meets values in Python says of it, in words with the model's own lines."""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from torch._subclasses.fake_tensor import DataDependentOutputException
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from edgeml.errors import ConversionError, said
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.torch_model import TorchModel
from edgeml_converters.frameworks.torch_places import Place
from edgeml_converters.frameworks.torch_quantised import packed
from edgeml_converters.frameworks.torch_reads import places_that_read

_NO_LOWERING = re.compile(r"Lowering not found: (\S+)")
# '...: error: failed to legalize operation 'tfl.abs' that was explicitly marked illegal: %35 =
# "tfl.abs"(%arg0) : (tensor<1x6xi64>) -> tensor<1x6xi64>'
_ILLEGAL = re.compile(
    r"failed to legalize operation 'tfl\.(?P<kind>\w+)'.*?: \(tensor<(?:[\d?]+x)*(?P<dtype>\w+)>"
)
# 'TF Select ops: BitwiseAnd\nDetails:\n\ttf.BitwiseAnd(tensor<1x6xi32>, tensor<i32>) -> ...'
_NOT_THERE = re.compile(r"\btf\.(?P<kind>\w+)\(tensor<(?:[\d?]+x)*(?P<dtype>\w+)>")
_DTYPES = {
    "f64": ("float64", "let the model compute in float32 there, as by .float()"),
    "f16": ("float16", "let the model compute in float32 there, as by .float()"),
    "bf16": ("bfloat16", "let the model compute in float32 there, as by .float()"),
    "i64": ("int64", "let the model compute in int32 there, as by .int()"),
    "i32": ("int32", "write the model without it"),
    "i1": ("bool", "write the model without it"),
}
# Where a graph is run, PyTorch adds behind the key which node it was.
_DTYPE = re.compile(r"torch\.(\w+)(?:\n|$)")
_UNKNOWN_FLOATS = re.compile(r"unsupported ScalarType (BFloat16|Half)")
_OF_VALUES = (GuardOnDataDependentSymNode, DataDependentOutputException)
# What Python itself raises at what stands for a value while a model is exported.
_STAND_INS = re.compile(
    r"FakeTensor|Sym(?:Int|Bool|Float)\b|\.numpy\(\) is not supported|Abstract tracer value"
)


@contextmanager
def explained(model: TorchModel, arrays: Arrays) -> Generator[None]:
    """Raises ConversionError for whatever an exporter raises inside: where the model's source
    branches on values, if that is why, else what was the matter first."""
    try:
        yield
    except Exception as error:
        causes = _causes(error)
        of_values = any(
            isinstance(cause, _OF_VALUES) or _STAND_INS.search(str(cause)) for cause in causes
        )
        told = _of_values(model, arrays) if of_values and model.form == "module" else ""
        told = _of_packed(model) or told
        raise ConversionError(told or _in_words(causes[-1], model)) from error


def caught(model: TorchModel, arrays: Arrays) -> tuple[str, ...]:
    """Where the model reads values and catches what an exporter raises of it, and so goes on along
    one way without a word."""
    if model.form != "module":
        return ()
    places = places_that_read(model.call, model.tensors(arrays))
    return tuple(str(place) for place in places if place.caught and not place.harmless)


def _of_values(model: TorchModel, arrays: Arrays) -> str:
    inputs = model.tensors(arrays)
    places = places_that_read(model.call, inputs)
    if _matter(places):
        return (
            "torch.export cannot follow the values that the model reads out of its tensors at "
            f"{_listed(_matter(places))}; write it with torch.where or torch.cond"
        )
    if places:
        return (
            f"torch.export cannot follow the check of values at {_listed(places)}; leave it out "
            "where torch.compiler.is_exporting()"
        )
    assert isinstance(model.target, torch.nn.Module)
    weights = [*model.target.parameters(), *model.target.buffers()]
    places = places_that_read(model.call, inputs, weights)
    if not places:
        return ""
    return (
        "torch.export cannot follow the numbers that the model reads out of its weights at "
        f"{_listed(places)}; keep them as numbers of Python, read once in __init__"
    )


def _of_packed(model: TorchModel) -> str:
    kind = packed(model.call) if isinstance(model.call, torch.nn.Module) else ""
    if not kind:
        return ""
    return (
        f"the weights of its quantised {kind} lie packed for PyTorch's own processor, where no "
        "exporter reads them; give the model as it was before torch.ao.quantization.convert"
    )


def _matter(places: Sequence[Place]) -> list[Place]:
    """Those that an answer depends on."""
    return [place for place in places if not place.harmless]


def _listed(places: Sequence[Place]) -> str:
    return ", ".join(map(str, places))


def _in_words(error: BaseException, model: TorchModel) -> str:
    text = str(error)
    lowering = _NO_LOWERING.search(text)
    if lowering is not None and lowering[1] == "cond":
        return (
            "litert-torch cannot convert torch.cond; compute both ways and choose by torch.where, "
            "or take another format"
        )
    if lowering is not None:
        return (
            f"litert-torch cannot convert the operator {lowering[1]}; write the model without it, "
            "or take another format"
        )
    unmapped = _DTYPE.match(str(error.args[0])) if isinstance(error, KeyError) else None
    if unmapped is not None and unmapped[1].startswith("complex"):
        return (
            f"litert-torch has no {unmapped[1]}; write the model with real and imaginary parts, or "
            "take another format"
        )
    if unmapped is not None:
        return (
            f"litert-torch has no {unmapped[1]}; let the model take and make numbers of another "
            "dtype"
        )
    unknown = _UNKNOWN_FLOATS.search(text)
    if unknown is not None:
        return (
            f"litert-torch has no {unknown[1].lower()}; let the model compute in float32 there, as "
            "by .float(), or take another format"
        )
    illegal = _ILLEGAL.search(text) or _NOT_THERE.search(text)
    if illegal is None:
        return said(error)
    if illegal["dtype"] == "f64" and model.floats == "float64":
        return (
            "TFLite's operators do not compute in float64; make the model float32, as by "
            "module.float()"
        )
    dtype, step = _DTYPES.get(illegal["dtype"], (illegal["dtype"], "write the model without it"))
    return f"TFLite has no {illegal['kind']} for {dtype}; {step}, or take another format"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from, the first cause last."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return causes
