"""A table of words that the last layer takes too, turned, as language models have it."""

from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.quantise import quantise
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import request, samples

WORDS, WIDTH = 40, 16


def _tied(path: Path) -> Path:
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["words"], "embedding"),
        helper.make_node("MatMul", ["words", "inner"], ["h"], "layer"),
        helper.make_node("Transpose", ["table"], ["turned"], "turn", perm=[1, 0]),
        helper.make_node("MatMul", ["h", "turned"], ["y"], "last"),
    ]
    weights = {"table": samples(1, WORDS, (WIDTH,)), "inner": samples(2, WIDTH, (WIDTH,)) * 0.3}
    graph = helper.make_graph(
        nodes,
        "tied",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", WORDS])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.mark.parametrize(
    ("way", "kept", "coverage", "floats"),
    [
        ("fp16", (), 100.0, 0),
        ("int8 minmax", ("embedding", "last"), 100 * 256 / 896, 640),  # 16 x 16 beside 40 x 16
        ("int8-weights", ("embedding", "last"), 100 * 256 / 896, 640),
        ("int8 minmax", ("embedding",), 100 * 896 / 1536, 640),  # the table in both
        ("int8 minmax", (), 100.0, 0),
    ],
)
def test_what_stays_float_is_there_once(
    tmp_path: Path, way: str, kept: tuple[str, ...], coverage: float, floats: int
) -> None:
    entry = _tied(tmp_path / "float.onnx")
    tokens = np.random.default_rng(3).integers(0, WORDS, 64)
    np.savez(tmp_path / "x.npz", tokens=tokens)
    done = quantise(request(entry, tmp_path / "made", way, tmp_path / "x.npz", keep_float=kept))
    file = tmp_path / "made" / done.entry
    stored = [t for t in onnx.load(file).graph.initializer if len(t.dims) > 1]
    assert sum(prod(t.dims) for t in stored if t.data_type == TensorProto.FLOAT) == floats
    halves = sum(prod(t.dims) for t in stored if t.data_type == TensorProto.FLOAT16)
    assert halves == (WORDS * WIDTH + WIDTH * WIDTH if way == "fp16" else 0)
    assert done.coverage == pytest.approx(coverage)
    before, after = (OnnxEngine(of).run({"tokens": tokens})["y"] for of in (entry, file))
    noise = snr_db(after, before)
    assert noise is not None and noise > 30
