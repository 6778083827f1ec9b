"""What people ask of the files that a model becomes."""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from edgeml.documents import Strict
from edgeml.errors import InputError

OPSETS = range(7, 29)
"""Of ONNX: the oldest that ONNX Runtime runs, to the newest of the onnx package."""
Io = Literal["int8", "uint8"]
"""The type of inputs and outputs that are integers in place of floats."""
WITH_BATCH_AXES = ("torch", "onnx")
"""The frameworks whose models may have their samples on another axis than the first."""
_AXIS = r"\d{1,4}"
_FREE = re.compile(rf"(?P<input>.+):(?P<axis>{_AXIS})(=(?P<size>[A-Za-z_]\w*))?")


class FreeAxis(Strict, frozen=True, kw_only=True):
    """An axis of an input whose size a request decides; axes of one `size` are always alike."""

    input: str
    axis: int
    size: str


class BatchAxis(Strict, frozen=True, kw_only=True):
    """Where the model itself has the samples of an input or output; None: it takes one at a time.

    name: empty for all that are not named.
    """

    name: str
    axis: int | None


class Asked(Strict, frozen=True, kw_only=True):
    """opset: of ONNX; None leaves it to the exporter. static: every size fixed, a batch of 1.

    free: axes beside the batch. batch_axes: of tensors whose first axis is not the sample. io: what
    floats become at the inputs and outputs of int8 files; None leaves them.
    """

    opset: int | None = None
    static: bool = False
    free: tuple[FreeAxis, ...] = ()
    batch_axes: tuple[BatchAxis, ...] = ()
    io: Io | None = None

    def batch_axis(self, name: str) -> int | None:
        """Of an input or output: where the model has its samples."""
        known = {one.name: one.axis for one in self.batch_axes}
        return known.get(name, known.get("", 0))

    def free_axes(self, name: str) -> dict[int, str]:
        """Of an input: axis -> the name of its size."""
        return {one.axis: one.size for one in self.free if one.input == name}


def parse_free(texts: Sequence[str]) -> tuple[FreeAxis, ...]:
    """NAME:AXIS or NAME:AXIS=SIZE; raises InputError for anything else."""
    axes: list[FreeAxis] = []
    for text in texts:
        found = _FREE.fullmatch(text)
        axis = int(found["axis"]) if found else 0
        if found is None or axis == 0:
            raise InputError(
                f"--free {text!r} must be NAME:AXIS or NAME:AXIS=SIZE, as in tokens:1=length, with "
                "an input's name and an axis from 1 on, since the first is the sample."
            )
        size = found["size"] or re.sub(r"\W", "_", f"{found['input']}_{axis}")
        axes.append(FreeAxis(input=found["input"], axis=axis, size=size))
    return tuple(axes)


def parse_batch_axes(texts: Sequence[str]) -> tuple[BatchAxis, ...]:
    """NAME=AXIS, NAME=none, or AXIS or none for all; raises InputError for anything else."""
    axes: list[BatchAxis] = []
    for text in texts:
        name, _, axis = text.rpartition("=")
        known = axis == "none" or re.fullmatch(_AXIS, axis)
        if not known or "=" in name or (not name and "=" in text):
            raise InputError(
                f"--batch-axis {text!r} must be NAME=AXIS, or NAME=none where the model takes one "
                "sample at a time, or that without NAME for all; as in h=1, once for each tensor."
            )
        axes.append(BatchAxis(name=name, axis=None if axis == "none" else int(axis)))
    return tuple(axes)


def check_axis(name: str, axis: int, axes: int) -> None:
    """Raises InputError where a tensor of so many axes has no such one."""
    if axis and axis >= axes:
        raise InputError(
            f"--batch-axis names axis {axis} of {name!r}, but of {axes} axes the last is "
            f"{axes - 1}; use another."
        )


def check_batch_axes(
    batch_axes: Sequence[BatchAxis], inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    """Raises InputError for a tensor that there is not, and for one that is named twice."""
    known = (*inputs, *outputs)
    names = [one.name for one in batch_axes]
    for place, name in enumerate(names):
        if name and name not in known:
            raise InputError(
                f"--batch-axis names {name!r}, but the inputs are {', '.join(inputs)} and the "
                f"outputs {', '.join(outputs)}; use one of them."
            )
        if name in names[:place]:
            raise InputError(
                f"--batch-axis names {repr(name) if name else 'all tensors'} twice; leave one out."
            )


@contextmanager
def first_run(batch_axes: Sequence[BatchAxis], inputs: Sequence[str]) -> Generator[None]:
    """For the run by which outputs become known: an InputError of it also tells of the names in
    `batch_axes` that no input has, since one that is misspelt leaves its input as it was."""
    try:
        yield
    except InputError as error:
        others = [one.name for one in batch_axes if one.name and one.name not in inputs]
        if not others or "--batch-axis" in str(error):  # which says already what is wrong with it
            raise
        raise InputError(
            f"{error} --batch-axis names {', '.join(map(repr, others))}, while the inputs are "
            f"{', '.join(inputs)}; unless that is an output, name one of these."
        ) from error


def check_asked(asked: Asked, targets: Sequence[str], precisions: Sequence[str]) -> None:
    """Raises InputError for an opset that there is not, or what no target or precision has."""
    if asked.io is not None and (tuple(precisions) != ("int8",) or len(set(targets)) > 1):
        raise InputError(
            f"--io {asked.io} makes one file, since scale and zero point of its inputs are in the "
            "contract, which all variants share; ask for --precision int8 alone, and for one "
            "format with each --to."
        )
    if asked.opset is not None and "onnx" not in targets:
        raise InputError("--opset is for ONNX, which --to does not name; add it or leave it out.")
    if asked.opset is not None and asked.opset not in OPSETS:
        raise InputError(
            f"--opset {asked.opset} is none of ONNX's; use {OPSETS[0]} to {OPSETS[-1]}."
        )
    if asked.free and asked.static:
        raise InputError("--free leaves a size open and --static leaves none; give one of them.")
    if asked.free and "tflite" in targets:
        raise InputError(
            "--free is for ONNX, since the sizes in a TFLite file are fixed; convert to TFLite "
            "without it, once for each size."
        )


def check_io(io: Io | None, precision: str, label: str) -> None:
    """Raises InputError for a model that is quantised already; precision: its own."""
    if io is not None and precision == "int8":
        raise InputError(
            f"--io {io} is for files that edgeml makes int8, but {label} is int8 already and is "
            "taken as it is; leave --io out."
        )


def check_free(free: Sequence[FreeAxis], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises InputError for inputs or axes that there are not, and for axes of one size that differ
    in the data; shapes: of the inputs, the sample first."""
    lengths: dict[str, int] = {}
    for one in free:
        if one.input not in shapes:
            raise InputError(
                f"--free names {one.input!r}, but the inputs are {', '.join(shapes)}; use one of "
                "them."
            )
        shape = shapes[one.input]
        if one.axis >= len(shape):
            raise InputError(
                f"--free names axis {one.axis} of {one.input!r}, but of shape {list(shape)} the "
                f"last axis is {len(shape) - 1}; use another."
            )
        length = lengths.setdefault(one.size, shape[one.axis])
        if length != shape[one.axis]:
            raise InputError(
                f"--free calls sizes {length} and {shape[one.axis]} of the data {one.size!r}; give "
                "what differs another name."
            )
        if length == 1:
            raise InputError(
                f"--free leaves {one.size!r} open, but in the data it is always 1; give data with "
                "a larger one."
            )
