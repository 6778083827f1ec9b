"""Invariants on real ONNX and TFLite files, and the findings they lead to."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edgeml.faults import Fault
from edgeml.parity import Array
from edgeml_converters.parity.findings import findings
from edgeml_converters.parity.invariants import Run, invariants
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from edgeml_runtime.engines.tflite import LitertEngine, TfliteEngine
from tests.converters.tflite_files import Graph, Op, Tensor, write

RNG = np.random.default_rng(0)
X = {"x": RNG.normal(size=(70, 6)).astype(np.float32)}
W = RNG.normal(size=(6, 3)).astype(np.float32)


def _session(*nodes: Any, **weights: Array) -> Run:
    """An ONNX file of x [batch, 6] -> y on onnxruntime."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model: ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())

    def run(arrays: dict[str, Array]) -> dict[str, Array]:
        return {"y": np.asarray(session.run(None, arrays)[0])}

    return run


def test_onnx_runtime_holds_on_a_float_file() -> None:
    run = _session(
        helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Tanh", ["h"], ["y"]), w=W
    )
    found = invariants(run, X, run(X), run(X))
    assert all(invariant.passed for invariant in found)


def test_onnx_runtimes_dynamic_quantisation_depends_on_the_batch_within_its_tolerance() -> None:
    """Its scale is found over the whole batch: not rounding, but no fault of the conversion."""
    quantised = np.clip(np.round(W * 30), -127, 127).astype(np.int8)
    run = _session(
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["h"]),
        helper.make_node("Cast", ["h"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "scale"], ["s"]),
        helper.make_node("Mul", ["s", "step"], ["y"]),
        w=quantised,
        step=np.array(1 / 30, np.float32),
    )
    strict = {i.name: i for i in invariants(run, X, run(X), run(X))}
    assert {name for name, i in strict.items() if not i.passed} == {"batch", "resize"}
    limits = {"y": 0.05 * float(np.abs(run(X)["y"]).max())}
    assert all(i.passed for i in invariants(run, X, run(X), run(X), limits=limits))


def test_normalising_over_the_batch_is_caught_in_a_real_file() -> None:
    run = _session(
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    )
    found = {i.name for i in invariants(run, X, run(X), run(X)) if not i.passed}
    assert found == {"batch", "resize"}


@pytest.mark.parametrize("engine", [TfliteEngine, LitertEngine])
def test_a_recurrent_tflite_file_that_keeps_its_state_is_caught(
    engine: type[TfliteEngine | LitertEngine], tmp_path: Path
) -> None:
    options: Any = schema.SequenceRNNOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    entry = write(
        tmp_path / "kept_state.tflite",
        Graph(
            [
                Tensor("x", (1, 5, 3)),
                Tensor("w", values=W[:3]),
                Tensor("recurrent", values=W[3:]),
                Tensor("bias", values=np.zeros(3, np.float32)),
                Tensor("state", (1, 3), variable=True),
                Tensor("y", (1, 5, 3)),
            ],
            [
                Op(
                    "UNIDIRECTIONAL_SEQUENCE_RNN",
                    (0, 1, 2, 3, 4),
                    (5,),
                    options=(schema.BuiltinOptions.SequenceRNNOptions, options),
                )
            ],
            outputs=(5,),
        ),
    )
    x = {"x": RNG.normal(size=(40, 5, 3)).astype(np.float32)}
    states = np.zeros((40, 3))
    sound: list[Array] = []
    for step in range(5):
        states = np.tanh(x["x"][:, step] @ W[:3].T + states @ W[3:].T)
        sound.append(states)
    expected = {"y": np.stack(sound, axis=1)}
    answers = engine(entry).run(x)
    assert np.abs(answers["y"][0] - expected["y"][0]).max() < 1e-5
    assert np.abs(answers["y"][1:] - expected["y"][1:]).max() > 0.1
    held = invariants(engine(entry).run, x, answers, expected, 1)
    rows = judge(answers, expected, Rule(exact=True))
    found = findings(rows, held, None, engine.name, False)
    assert [finding.fault for finding in found] == [Fault.KEPT_STATE, Fault.WRONG_VALUES]
