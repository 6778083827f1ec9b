"""A weight that two layers take along different axes is right at every level of optimisation."""

from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.quantise import quantise
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import request, samples

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")


@pytest.mark.parametrize("hidden", [16, 8])
def test_it_has_scales_for_each_axis(tmp_path: Path, hidden: int) -> None:
    """At the level "all" the square one gave 9 dB, and ONNX Runtime raised at the other."""
    spread = np.geomspace(0.03, 1, 16, dtype=np.float32)[:, None]
    weight = samples(1, 16, (hidden,)) * spread * spread[-hidden:, 0]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("Gemm", ["t", "w"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "halves",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(weight, "w")],
    )
    entry = tmp_path / "float.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), entry)
    x = samples(3, 64, (16,))
    np.savez(tmp_path / "x.npz", x=x)
    done = quantise(request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz"))
    file = tmp_path / "int8" / done.entry
    ints = [t for t in onnx.load(file).graph.initializer if t.data_type == TensorProto.INT8]
    assert sum(prod(t.dims) for t in ints if len(t.dims) > 1) == 2 * weight.size
    truth = np.tanh(x @ weight) @ weight.T
    for level in LEVELS:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        (found,) = onnxruntime.InferenceSession(file, options).run(None, {"x": x})
        noise = snr_db(np.asarray(found), truth)
        assert noise is not None and noise > 25, level
