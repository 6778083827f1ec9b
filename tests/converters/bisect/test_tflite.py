"""Traces of .tflite files, on both engines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml.evidence import TensorFidelity
from edgeml_converters.bisect.culprit import culprit
from edgeml_converters.bisect.tflite_probe import ENGINES
from edgeml_converters.bisect.trace import trace
from tests.converters.tflite_files import INT8, Graph, Op, Tensor, write

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(2, 4, 4)).astype(np.float32)
X = RNG.normal(size=(6, 4)).astype(np.float32)
LAYER = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
NAMES = ("net_1/first_1/MatMul", "net_1/second_1/MatMul")


def quantised(weights: npt.NDArray[Any], per_channel: bool) -> tuple[Any, Sequence[float]]:
    span = np.abs(weights).max(axis=1) if per_channel else np.abs(weights).max(keepdims=True)[0]
    scales = np.broadcast_to(span / 127, len(weights))
    return np.round(weights / scales[:, None]).astype(np.int8), (
        scales.tolist() if per_channel else [float(scales[0])]
    )


def layers(path: Path, dynamic: str = "", damaged: bool = False) -> Path:
    """Two layers and a Relu, float or with int8 weights: of one scale a `tensor` or `channel`."""
    tensors = [Tensor("x")]
    ops: list[Op] = []
    for name, weights in zip(NAMES, WEIGHTS, strict=True):
        kept, scales = (weights, ()) if not dynamic else quantised(weights, dynamic == "channel")
        if damaged and name == NAMES[1]:
            kept = kept[::-1].copy()
        tensors += [
            Tensor(f"{name}1", type=INT8 if scales else 0, values=kept, scales=scales),
            Tensor(name),
        ]
        last = len(tensors)
        ops.append(Op("FULLY_CONNECTED", (last - 3, last - 2, -1), (last - 1,), 3, options=LAYER))
    tensors.append(Tensor("StatefulPartitionedCall:0"))
    ops.append(Op("RELU", (4,), (5,)))
    return write(path, Graph(tensors, ops, outputs=(5,)))


def found(suspect: Path, reference: Path, engine: str = "") -> tuple[TensorFidelity, ...]:
    return trace("tflite", suspect, reference, {"x": X}, {}, engine)


def test_a_damaged_weight_is_found_at_its_op(tmp_path: Path) -> None:
    reference = layers(tmp_path / "a.tflite")
    tensors = found(layers(tmp_path / "b.tflite", damaged=True), reference)
    assert [tensor.op for tensor in tensors] == ["Input", *["FULLY_CONNECTED"] * 2, "RELU"]
    bad = culprit(tensors)
    assert bad is not None
    assert (bad.name, bad.source) == (NAMES[1], "second")
    assert tensors[0].snr_db is None
    assert tensors[1].snr_db is None


@pytest.mark.parametrize("engine", ENGINES)
def test_sound_int8_weights_have_no_culprit(engine: str, tmp_path: Path) -> None:
    reference = layers(tmp_path / "a.tflite")
    tensors = found(layers(tmp_path / "b.tflite", "tensor"), reference, engine)
    assert culprit(tensors) is None
    figures = [tensor.snr_db for tensor in tensors[1:]]
    assert all(figure is not None and 25 < figure < 60 for figure in figures)


def test_what_one_engine_alone_computes_wrongly_is_found_on_it(tmp_path: Path) -> None:
    """Silent failure: tflite-runtime 2.14 on dynamic int8 with a scale for each channel."""
    reference = layers(tmp_path / "a.tflite")
    suspect = layers(tmp_path / "b.tflite", "channel")
    assert culprit(found(suspect, reference, "litert")) is None
    bad = culprit(found(suspect, reference, "tflite"))
    assert bad is not None
    assert (bad.name, bad.op, bad.source) == (NAMES[0], "FULLY_CONNECTED", "first")


def chain(path: Path, scale: float = 0.0) -> Path:
    """|Relu(x)|, in float or, with a scale, the Relu in int8."""
    if not scale:
        tensors = [Tensor("x"), Tensor("hidden"), Tensor("y")]
        return write(path, Graph(tensors, [Op("RELU", (0,), (1,)), Op("ABS", (1,), (2,))],
                                 outputs=(2,)))  # fmt: skip
    tensors = [
        Tensor("x"),
        Tensor("x_quantized", type=INT8, scales=[scale]),
        Tensor("hidden", type=INT8, scales=[scale]),
        Tensor("hidden_dequant"),
        Tensor("y"),
    ]
    ops = [
        Op("QUANTIZE", (0,), (1,)),
        Op("RELU", (1,), (2,), 2),
        Op("DEQUANTIZE", (2,), (3,), 2),
        Op("ABS", (3,), (4,)),
    ]
    return write(path, Graph(tensors, ops, outputs=(4,)))


def test_an_int8_tensor_is_shown_as_what_it_stands_for(tmp_path: Path) -> None:
    reference = chain(tmp_path / "a.tflite")
    fine = {t.name: t.snr_db for t in found(chain(tmp_path / "b.tflite", 3 / 127), reference)}
    assert list(fine) == ["x", "hidden", "y"]
    assert fine["hidden"] is not None and 35 < fine["hidden"] < 60
    assert fine["y"] == pytest.approx(fine["hidden"], abs=1e-3)
    coarse = culprit(found(chain(tmp_path / "c.tflite", 0.1 / 127), reference))
    assert coarse is not None and coarse.name == "hidden"  # the range ends at 0.1


def test_an_int8_input_takes_what_the_float_one_does(tmp_path: Path) -> None:
    reference = chain(tmp_path / "a.tflite")
    tensors = [
        Tensor("x", type=INT8, scales=[3 / 127]),
        Tensor("hidden", type=INT8, scales=[3 / 127]),
    ]
    path = write(tmp_path / "b.tflite", Graph(tensors, [Op("RELU", (0,), (1,), 2)], outputs=(1,)))
    rows = found(path, reference)
    assert [row.name for row in rows] == ["x", "hidden"]
    assert all(row.snr_db is not None and 35 < row.snr_db < 60 for row in rows)
