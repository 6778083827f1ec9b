"""TFLite files made by hand: what int8 has a range for, and what stays float."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.tflite_edit import read
from edgeml_converters.quantise.tflite.calibration import calibrate
from edgeml_converters.quantise.tflite.recipe import between_floats
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import quantise_in_process, request, samples
from tests.converters.quantise.tflite_answers import ENGINES, answer
from tests.converters.tflite_files import Graph, Op, Tensor, content

pytestmark = [pytest.mark.tensorflow, pytest.mark.torch]


def test_what_a_mask_rules_out_stays_out(tmp_path: Path) -> None:
    """It has no range: in the steps of the others it was the least of them, and counted."""
    add, softmax, full = (
        schema.AddOptionsT(),
        schema.SoftmaxOptionsT(),
        schema.FullyConnectedOptionsT(),
    )
    softmax.beta = 1.0
    tensors = [
        Tensor("x"), Tensor("mask"), Tensor("scores"), Tensor("shares"),
        Tensor("w", values=samples(1, 4, (4,))), Tensor("y"),
    ]  # fmt: skip
    kinds = schema.BuiltinOptions
    ops = [
        Op("ADD", (0, 1), (2,), options=(kinds.AddOptions, add)),
        Op("SOFTMAX", (2,), (3,), options=(kinds.SoftmaxOptions, softmax)),
        Op("FULLY_CONNECTED", (3, 4, -1), (5,), options=(kinds.FullyConnectedOptions, full)),
    ]
    entry = tmp_path / "float.tflite"
    entry.write_bytes(content(Graph(tensors, ops, inputs=(0, 1), outputs=(5, 3))))
    hidden = np.float32(np.finfo(np.float32).min) * (np.arange(64)[:, None] % 4 == np.arange(4))
    x = {"x": 0.3 * samples(7, 64, (4,)), "mask": hidden}
    np.savez(tmp_path / "x.npz", **x)
    asked = request(entry, tmp_path / "made", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    assert done.coverage == 100 and not {"mask", "scores"} & done.ranges.keys()
    before = LitertEngine(entry).run(x)
    for engine in ENGINES:
        found = engine(Path(asked.folder) / done.entry).run(x)
        assert not found["shares"][hidden < 0].any()
        snr = snr_db(found["y"], before["y"])
        assert snr is not None and snr > 30


def test_the_padding_of_a_maximum_is_no_mask(tmp_path: Path) -> None:
    """It is never the answer, and the lowest of 256 steps stands for it."""
    pool: Any = schema.Pool2DOptionsT()
    pad = schema.PadV2OptionsT()
    pool.filterHeight = pool.filterWidth = pool.strideH = pool.strideW = 2
    pool.padding = schema.Padding.VALID
    low = np.array(np.finfo(np.float32).min, np.float32)
    tensors = [
        Tensor("x", (1, 3, 3, 2)), Tensor("y", (1, 2, 2, 2)), Tensor("padded", (1, 4, 4, 2)),
        Tensor("pads", type=schema.TensorType.INT32, shape=(4, 2),
               values=np.array([[0, 0], [0, 1], [0, 1], [0, 0]], np.int32)),
        Tensor("low", values=low),
    ]  # fmt: skip
    kinds = schema.BuiltinOptions
    ops = [
        Op("PADV2", (0, 3, 4), (2,), version=2, options=(kinds.PadV2Options, pad)),
        Op("MAX_POOL_2D", (2,), (1,), version=2, options=(kinds.Pool2DOptions, pool)),
    ]
    entry = tmp_path / "float.tflite"
    entry.write_bytes(content(Graph(tensors, ops, outputs=(1,))))
    samples_of_x = {"x": samples(3, 4, (3, 3, 2))}
    seen = calibrate(entry.read_bytes(), samples_of_x)
    assert seen.activations["padded"].low == samples_of_x["x"].min()


@pytest.mark.parametrize(
    ("in_float", "found"),
    [((), []), (("a",), ["r"]), (("y",), ["r"]), (("x",), []), (("a", "y"), ["r"])],
)
def test_nothing_is_rounded_only_to_be_moved(in_float: tuple[str, ...], found: list[str]) -> None:
    """Between two layers the shape changes."""
    kinds = schema.BuiltinOptions
    full, shape = schema.FullyConnectedOptionsT(), schema.ReshapeOptionsT()
    weight = samples(1, 4, (4,))
    one_row = np.array([1, 4], np.int32)
    tensors = [
        Tensor("x"), Tensor("w", values=weight), Tensor("a"), Tensor("r"), Tensor("y"),
        Tensor("row", (2,), schema.TensorType.INT32, values=one_row),
    ]  # fmt: skip
    ops = [
        Op("FULLY_CONNECTED", (0, 1, -1), (2,), options=(kinds.FullyConnectedOptions, full)),
        Op("RESHAPE", (2, 5), (3,), options=(kinds.ReshapeOptions, shape)),
        Op("FULLY_CONNECTED", (3, 1, -1), (4,), options=(kinds.FullyConnectedOptions, full)),
    ]
    model = read(content(Graph(tensors, ops, outputs=(4,))))
    assert between_floats(model, in_float) == found


@pytest.mark.parametrize(("kind", "taken"), [("SQRT", (2,)), ("DIV", (2, 0))])
def test_what_tflite_runtime_does_to_no_integers_stays_float(
    tmp_path: Path, kind: str, taken: tuple[int, ...]
) -> None:
    kinds = schema.BuiltinOptions
    full = schema.FullyConnectedOptionsT()
    weight = np.abs(samples(1, 4, (4,)))
    tensors = [Tensor("x"), Tensor("w", values=weight), Tensor("a"), Tensor("b"), Tensor("y")]
    ops = [
        Op("FULLY_CONNECTED", (0, 1, -1), (2,), options=(kinds.FullyConnectedOptions, full)),
        Op(kind, taken, (3,), options=(kinds.DivOptions, schema.DivOptionsT())),
        Op("FULLY_CONNECTED", (3, 1, -1), (4,), options=(kinds.FullyConnectedOptions, full)),
    ]
    entry = tmp_path / "float.tflite"
    entry.write_bytes(content(Graph(tensors, ops, outputs=(4,))))
    x = np.abs(samples(7, 64, (4,))) + 0.1
    np.savez(tmp_path / "x.npz", x=x)
    asked = request(entry, tmp_path / "made", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    before = answer(LitertEngine, entry, x)
    for engine in ENGINES:
        snr = snr_db(answer(engine, Path(asked.folder) / done.entry, x), before)
        assert snr is not None and snr > 30
