"""The ONNX project's own conformance cases, as the onnx wheel brings them."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = ("simple", "pytorch-converted", "pytorch-operator")
KINDS = ("node", *FOLDERS, "light")
Values = list[Any]  # arrays, or sequences, maps and None, which the contract does not know


@dataclass(frozen=True)
class Case:
    """One model with its inputs and the outputs that it must give, in the order of its graph.

    rtol, atol: as numpy.testing.assert_allclose takes them.
    """

    kind: str
    name: str
    model: onnx.ModelProto
    sets: list[tuple[Values, Values]]
    rtol: float
    atol: float


def collect() -> Iterator[Case]:
    """Every case, one kind after another; a kind's cases in the order of their names."""
    yield from _nodes()
    for kind in FOLDERS:
        for folder in sorted(p for p in (DATA / kind).iterdir() if p.is_dir()):
            yield _saved(kind, folder)
    for path in sorted((DATA / "light").glob("*.onnx")):
        yield _light(path)


def _nodes() -> Iterator[Case]:
    """One op a case; the wheel ships the program that makes them, not the files."""
    from onnx.backend.test.case.node import collect_testcases

    for made in sorted(collect_testcases(), key=lambda made: made.name):
        assert made.model is not None and made.data_sets is not None
        sets = [
            ([_plain(value) for value in inputs], [_plain(value) for value in outputs])
            for inputs, outputs in made.data_sets
        ]
        yield Case("node", made.name, made.model, sets, made.rtol, made.atol)


def _plain(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _saved(kind: str, folder: Path) -> Case:
    model = onnx.load(folder / "model.onnx")
    given = folder / "data.json"
    limits: dict[str, float] = json.loads(given.read_text()) if given.is_file() else {}
    sets = [
        (_values(path, "input", model.graph.input), _values(path, "output", model.graph.output))
        for path in sorted(folder.glob("test_data_set_*"))
    ]
    return Case(
        kind, folder.name, model, sets, limits.get("rtol", 1e-3), limits.get("atol", 1e-7)
    )  # fmt: skip


def _values(folder: Path, prefix: str, declared: Any) -> Values:
    """The saved values; those that are no tensors by the type that the graph declares."""
    values: Values = []
    for index in range(len(list(folder.glob(f"{prefix}_*.pb")))):
        content = (folder / f"{prefix}_{index}.pb").read_bytes()
        if declared[index].type.HasField("sequence_type"):
            values.append(numpy_helper.to_list(onnx.SequenceProto.FromString(content)))
        else:
            values.append(numpy_helper.to_array(onnx.TensorProto.FromString(content)))
    return values


def _light(path: Path) -> Case:
    """A big net whose weights its own graph makes; the answer is to a ramp from 0 to 1."""
    model = onnx.load(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    (image,) = [value for value in model.graph.input if value.name not in weights]
    shape = [size.dim_value for size in image.type.tensor_type.shape.dim]
    count = math.prod(shape)
    ramp = (np.arange(count).reshape(shape) / count).astype(np.float32)
    answer = path.with_name(f"{path.stem}_output_0.pb").read_bytes()
    expected = numpy_helper.to_array(onnx.TensorProto.FromString(answer))
    return Case("light", path.stem, model, [([ramp], [expected])], 1e-3, 1e-7)
