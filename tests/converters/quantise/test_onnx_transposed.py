"""Transposed convolutions in groups, whose bias ONNX Runtime's quantiser cannot give its scales."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.quantise import quantise
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import request, samples


def test_one_in_groups_with_a_bias_has_int8_weights(tmp_path: Path) -> None:
    weights = {"w": samples(1, 8, (3, 4, 4)) * 0.2, "b": samples(2, 1, (6,))[0]}
    upward = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"], group=2, strides=[2, 2])
    graph = helper.make_graph(
        [upward],
        "upward",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 6, 12, 12])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    entry = tmp_path / "float.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), entry)
    x = samples(3, 32, (8, 5, 5))
    np.savez(tmp_path / "x.npz", x=x)
    done = quantise(request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz"))
    file = tmp_path / "int8" / done.entry
    kinds = {t.name: t.data_type for t in onnx.load(file).graph.initializer if len(t.dims) == 4}
    assert done.coverage == 100
    assert weights["w"].shape == (8, 3, 4, 4) and TensorProto.INT8 in kinds.values()
    noise = snr_db(OnnxEngine(file).run({"x": x})["y"], OnnxEngine(entry).run({"x": x})["y"])
    assert noise is not None and noise > 35
