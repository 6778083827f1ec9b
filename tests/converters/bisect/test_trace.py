"""Two files of one model tensor by tensor: a damaged weight is found at its node."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (  # type: ignore[import-untyped, unused-ignore]
    CalibrationDataReader,
    QuantFormat,
    quantize_static,
)

from edgeml.errors import InputError
from edgeml.evidence import TensorFidelity
from edgeml_converters.bisect.around import around
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.bisect.noise import NOT_FINITE_DB
from edgeml_converters.bisect.repairs import Damage, repairs
from edgeml_converters.bisect.trace import trace
from edgeml_converters.formats import onnx_write
from tests import onnx_models

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(8, 8)).astype(np.float32) / 3 for _ in range(3)]
X = RNG.normal(size=(20, 8)).astype(np.float32)


def layers(path: Path, weights: list[npt.NDArray[Any]]) -> Path:
    """Three layers of MatMul and Relu, named as the TorchScript exporter names them."""
    nodes: list[onnx.NodeProto] = []
    last = "x"
    for i in range(len(weights)):
        sums = f"/layers/layers.{i}/MatMul_output_0"
        name = f"/layers/layers.{i}/MatMul"
        nodes.append(helper.make_node("MatMul", [last, f"w{i}"], [sums], name=name))
        last = "y" if i == len(weights) - 1 else f"/Relu_{i}_output_0"
        nodes.append(helper.make_node("Relu", [sums], [last], name=f"/Relu_{i}"))
    shape = ["batch", 8]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, f"w{i}") for i, array in enumerate(weights)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


class Samples(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
    def __init__(self, x: npt.NDArray[Any]) -> None:
        self._left = [x]

    def get_next(self) -> Any:
        return {"x": self._left.pop()} if self._left else None


def quantised(
    path: Path, reference: Path, x: npt.NDArray[Any], keep_float: tuple[str, ...] = ()
) -> Path:
    """Static int8 as onnxruntime makes it, with the ranges of `x`."""
    quantize_static(
        reference,
        path,
        Samples(x),
        quant_format=QuantFormat.QDQ,
        nodes_to_exclude=list(keep_float),
    )
    return path


def by_name(found: tuple[TensorFidelity, ...]) -> dict[str, float | None]:
    return {tensor.name: tensor.snr_db for tensor in found}


def test_the_same_file_is_exact_everywhere(tmp_path: Path) -> None:
    path = layers(tmp_path / "a.onnx", WEIGHTS)
    found = trace("onnx", path, path, {"x": X}, {})
    assert [tensor.op for tensor in found] == ["Input", *["MatMul", "Relu"] * 3]
    assert set(by_name(found).values()) == {None}
    assert culprit(found) is None


def test_a_damaged_weight_is_found_at_its_node(tmp_path: Path) -> None:
    reference = layers(tmp_path / "a.onnx", WEIGHTS)
    damaged = [WEIGHTS[0] * 1.001, WEIGHTS[1][::-1].copy(), WEIGHTS[2]]
    found = trace("onnx", layers(tmp_path / "b.onnx", damaged), reference, {"x": X}, {})
    bad = culprit(found)
    assert bad is not None
    assert (bad.name, bad.op) == ("/layers/layers.1/MatMul_output_0", "MatMul")
    assert bad.source == "layers.1"
    before = by_name(found)["/layers/layers.0/MatMul_output_0"]
    assert before is not None
    assert abs(before - 60) < 1  # a thousandth of the signal


def test_what_is_known_of_a_node_counts_more_than_its_name(tmp_path: Path) -> None:
    path = layers(tmp_path / "a.onnx", WEIGHTS)
    known = {"/layers/layers.1/MatMul": "body.1", "y": "head"}
    found = {tensor.name: tensor.source for tensor in trace("onnx", path, path, {"x": X}, known)}
    assert found["/layers/layers.1/MatMul_output_0"] == "body.1"
    assert found["/layers/layers.0/MatMul_output_0"] == "layers.0"
    assert found["y"] == "head"
    assert found["x"] == ""


def test_static_int8_is_seen_behind_its_quantisation(tmp_path: Path) -> None:
    reference = layers(tmp_path / "a.onnx", WEIGHTS)
    found = trace("onnx", quantised(tmp_path / "b.onnx", reference, X), reference, {"x": X}, {})
    assert culprit(found, FLOORS_DB["int8"]) is None
    figures = list(by_name(found).values())
    assert all(figure is not None and 25 < figure < 60 for figure in figures), figures


def test_a_range_that_is_too_small_is_found_at_its_tensor(tmp_path: Path) -> None:
    """Calibration on samples of a tenth of the size: what is larger is cut off."""
    reference = layers(tmp_path / "a.onnx", WEIGHTS)
    clipped = quantised(tmp_path / "b.onnx", reference, X / 10)
    bad = culprit(trace("onnx", clipped, reference, {"x": X}, {}), FLOORS_DB["int8"])
    assert bad is not None
    assert (bad.name, bad.op) == ("x", "Input")


def hostile(path: Path) -> Path:
    """A gain of 1 to 3000 between channels, undone at once: one scale cannot hold both."""
    model = onnx.load(layers(path, WEIGHTS[:1]))
    product = model.graph.node[0]
    gain = np.logspace(0, 3.5, 8).astype(np.float32)
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in {"gain": gain, "loss": gain}.items()
    )
    louder = helper.make_node("Mul", [product.output[0], "gain"], ["loud"], name="louder")
    softer = helper.make_node("Div", ["loud", "loss"], ["y"], name="softer")
    del model.graph.node[1:]
    model.graph.node.extend([louder, softer])
    onnx.save(model, path)
    return path


def test_a_repair_of_the_culprit_helps(tmp_path: Path) -> None:
    reference = hostile(tmp_path / "a.onnx")
    found = trace("onnx", quantised(tmp_path / "b.onnx", reference, X), reference, {"x": X}, {})
    bad = culprit(found)
    assert bad is not None
    # Over all channels it has 37 dB, and what follows 4, which only passes on what is lost here.
    assert (bad.name, bad.op) == ("loud", "Mul")
    near = around("onnx", reference, bad.name)
    figures: list[float | None] = [by_name(found)["y"]]
    for i, repair in enumerate(repairs(Damage("onnx", "int8", bad, (), True, near))):
        path = quantised(tmp_path / f"{i}.onnx", reference, X, repair.keep_float)
        figures.append(by_name(trace("onnx", path, reference, {"x": X}, {}))["y"])
    before, after, *rest = figures
    assert before is not None and before < 15, figures
    assert after is not None and after > 30, figures
    assert rest == [None, None]  # all of it in float


def test_weights_beside_the_file_are_found(tmp_path: Path) -> None:
    wide = [np.eye(8, 512).astype(np.float32) / 3, np.eye(512, 8).astype(np.float32) / 3]
    folder = tmp_path / "model"
    folder.mkdir()
    onnx_write.write(onnx.load(layers(tmp_path / "a.onnx", wide)), folder)
    assert (folder / onnx_write.WEIGHTS).is_file()
    found = trace("onnx", folder / "model.onnx", tmp_path / "a.onnx", {"x": X}, {})
    assert set(by_name(found).values()) == {None}


def test_half_precision_and_a_batch_of_one(tmp_path: Path) -> None:
    reference = onnx_models.roomy(tmp_path / "a.onnx", 3)
    model = onnx.load(reference)
    to_half = helper.make_node("Cast", ["copies"], ["half"], to=TensorProto.FLOAT16)
    to_float = helper.make_node("Cast", ["half_waves"], ["waves"], to=TensorProto.FLOAT)
    tile, _, total = list(model.graph.node)
    del model.graph.node[:]
    sine = helper.make_node("Sin", ["half"], ["half_waves"])
    model.graph.node.extend([tile, to_half, sine, to_float, total])
    onnx.save(model, tmp_path / "b.onnx")
    x = RNG.normal(size=(5, 4)).astype(np.float32)
    found = by_name(trace("onnx", tmp_path / "b.onnx", reference, {"x": x}, {}))
    assert list(found) == ["x", "copies", "waves", "y"]
    assert found["copies"] is None
    assert found["y"] is not None and found["y"] > FLOORS_DB["fp16"]


def test_not_a_number_is_worse_than_any_noise(tmp_path: Path) -> None:
    reference = layers(tmp_path / "a.onnx", WEIGHTS)
    damaged = [WEIGHTS[0], np.full((8, 8), np.nan, np.float32), WEIGHTS[2]]
    found = trace("onnx", layers(tmp_path / "b.onnx", damaged), reference, {"x": X}, {})
    bad = culprit(found)
    assert bad is not None
    assert (bad.source, bad.snr_db) == ("layers.1", NOT_FINITE_DB)


def test_files_of_two_models_share_nothing(tmp_path: Path) -> None:
    model = onnx.load(layers(tmp_path / "a.onnx", WEIGHTS))
    del model.graph.node[1:]
    model.graph.output[0].name = model.graph.node[0].output[0]
    onnx.save(model, tmp_path / "a.onnx")
    other = onnx_models.scale(tmp_path / "b.onnx", 2, width=8)
    with pytest.raises(InputError, match=r"^b\.onnx and a\.onnx compute no tensor of one name; "):
        trace("onnx", other, tmp_path / "a.onnx", {"x": X}, {})
