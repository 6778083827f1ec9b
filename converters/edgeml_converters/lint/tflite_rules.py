"""The rules for .tflite files."""

from collections.abc import Callable, Iterator
from pathlib import Path

from edgeml.faults import Fault, Finding
from edgeml_converters.formats.tflite_read import Op, TfliteFile, read
from edgeml_converters.lint.counted import counted
from edgeml_converters.lint.op_versions import TFLITE_RUNTIME
from edgeml_converters.lint.rule import added_rules
from edgeml_converters.lint.tflite_state import kept_state, unbound_variables

MAX_BYTES = 1 << 31  # what a signed offset of 32 bits in a flatbuffer reaches
# From this version on, FULLY_CONNECTED says in its version that it has a scale for each channel.
_PER_CHANNEL_VERSION = 12
# Custom ops that both engines bring: asked of tflite-runtime 2.14.0 and ai-edge-litert 2.3.0.
_BUILT_IN_CUSTOM = {"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"}


def findings(entry: Path) -> Iterator[Finding]:
    size = entry.stat().st_size
    if size >= MAX_BYTES:
        yield Finding(
            fault=Fault.OVERSIZE,
            severity="error",
            message=f"{entry.name} has {size / 1e9:.2f} GB, but a flatbuffer ends at 2.15 GB; "
            "quantise the model or split it.",
        )
        return
    file = read(entry)
    for rule in _RULES:
        yield from rule(file)
    yield from added_rules("tflite", file)


def _per_channel_dynamic(file: TfliteFile) -> Iterator[Finding]:
    """Silent failure: tflite-runtime 2.14 takes the first channel's scale for all channels."""
    places = ((op.kind, op.place) for op in file.ops if _is_per_channel_dynamic(op))
    for _, place, times in counted(places):
        yield Finding(
            fault=Fault.PER_CHANNEL_DYNAMIC_FC,
            severity="error",
            message="tflite-runtime 2.14 computes FULLY_CONNECTED with int8 weights of one scale a "
            f"channel on float activations wrongly, without an error{times}; quantise it with one "
            "scale a tensor.",
            where=place,
            engines=("tflite",),
        )


def _is_per_channel_dynamic(op: Op) -> bool:
    if op.kind != "FULLY_CONNECTED" or op.version >= _PER_CHANNEL_VERSION or len(op.inputs) < 2:
        return False
    data, weights = op.inputs[:2]
    return (
        data is not None
        and weights is not None
        and data.type == "float32"
        and weights.type in ("int8", "int4")
        and len(weights.scales) > 1
    )


def _op_versions(file: TfliteFile) -> Iterator[Finding]:
    places = (
        ((op.kind, op.version), op.place)
        for op in file.ops
        if not op.custom and op.version > TFLITE_RUNTIME.get(op.kind, 0)
    )
    for (kind, version), place, times in counted(places):
        known = TFLITE_RUNTIME.get(kind)
        knows = f"it up to version {known}" if known else "no op of that name"
        yield Finding(
            fault=Fault.OP_VERSION,
            severity="error",
            message=f"{kind} has version {version}{times}, but tflite-runtime 2.14 knows {knows}; "
            "run it on litert or convert it otherwise.",
            where=place,
            engines=("tflite",),
        )


def _custom_ops(file: TfliteFile) -> Iterator[Finding]:
    places = (
        (op.custom, op.place) for op in file.ops if op.custom and op.custom not in _BUILT_IN_CUSTOM
    )
    for custom, place, times in counted(places):
        flex = custom.startswith("Flex")
        what = (
            f"{custom} is an op of TensorFlow itself{times}, which needs the Flex delegate that no "
            "engine here has; replace the layer that it comes from."
            if flex
            else f"{custom} is a custom op{times} that no engine here knows; replace the layer "
            "that it comes from."
        )
        yield Finding(
            fault=Fault.FLEX_OP if flex else Fault.CUSTOM_OP,
            severity="error",
            message=what,
            where=place,
        )


_RULES: tuple[Callable[[TfliteFile], Iterator[Finding]], ...] = (
    _per_channel_dynamic,
    _op_versions,
    _custom_ops,
    unbound_variables,
    kept_state,
)
