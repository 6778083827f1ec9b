"""Invariants on doubles with one fault each, on real ONNX files, and the findings they lead to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edgeml import documents
from edgeml.errors import EngineError
from edgeml.evidence import Evidence, Invariant
from edgeml.faults import Fault
from edgeml.parity import Array, Tolerance, compare
from edgeml_converters.parity.findings import findings
from edgeml_converters.parity.invariants import SAMPLES, Run, invariants
from edgeml_runtime.engines.tflite import LitertEngine, TfliteEngine
from tests.converters.tflite_files import Graph, Op, Tensor, write

RNG = np.random.default_rng(0)
X = {"x": RNG.normal(size=(70, 6)).astype(np.float32)}
W = RNG.normal(size=(6, 3)).astype(np.float32)


def _linear(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {"y": arrays["x"] @ W}


class Recurrent:
    """Answers sample by sample from a state; forgets it between samples, or does not."""

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps
        self._state = np.zeros(3)

    def __call__(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        rows: list[Array] = []
        for sample in arrays["x"]:
            if not self._keeps:
                self._state = np.zeros(3)
            self._state = np.tanh(sample @ W + 0.5 * self._state)
            rows.append(self._state)
        return {"y": np.stack(rows).astype(np.float32)}


class Counted:
    def __init__(self, run: Run) -> None:
        self._run = run
        self.sizes: list[int] = []

    def __call__(self, arrays: dict[str, Array]) -> Mapping[str, Array]:
        self.sizes.append(len(arrays["x"]))
        return self._run(arrays)


def _ask(run: Run, frozen: int | None = None, **limits: float) -> dict[str, Invariant]:
    expected = _linear(X)
    found = invariants(run, X, run(X), expected, frozen, limits)
    for invariant in found:
        assert invariant.passed or invariant.message
        documents.encode(invariant)
    assert len({invariant.name for invariant in found}) == len(found)
    return {invariant.name: invariant for invariant in found}


def _broken(found: Mapping[str, Invariant]) -> set[str]:
    return {name for name, invariant in found.items() if not invariant.passed}


def test_a_sound_model_holds_in_few_calls() -> None:
    run = Counted(_linear)
    found = _ask(run)
    assert list(found) == ["repeat", "shuffle", "batch", "resize", "finite", "constant"]
    assert not _broken(found) and not any(i.message for i in found.values())
    assert len(run.sizes) <= 1 + 8 and max(run.sizes[1:]) <= SAMPLES
    assert found["repeat"].figure == 0.0


def test_a_recurrent_model_that_forgets_holds() -> None:
    assert not _broken(_ask(Recurrent(keeps=False), frozen=1))


@pytest.mark.parametrize("samples", [2, 3, 32, 70])
def test_state_between_calls_is_caught_though_the_first_sample_is_right(samples: int) -> None:
    few = {"x": X["x"][:samples]}
    run = Recurrent(keeps=True)
    answers = run(few)
    sound = Recurrent(keeps=False)(few)
    assert np.allclose(answers["y"][0], sound["y"][0])
    found = {i.name: i for i in invariants(run, few, answers, sound, 1)}
    assert not found["shuffle"].passed
    assert (found["shuffle"].figure or 0) > 0.05
    assert "reverse order" in found["shuffle"].message
    assert set(found) == {"repeat", "shuffle", "finite", "constant"}


def test_random_numbers_are_caught() -> None:
    rng = np.random.default_rng(1)

    def dropout(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"y": _linear(arrays)["y"] * (rng.random() > 0.5)}

    assert "repeat" in _broken(_ask(dropout)) or "shuffle" in _broken(_ask(dropout))


def test_normalising_over_the_batch_is_caught() -> None:
    def trained(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        return {"y": (y - y.mean(axis=0)) / (y.std(axis=0) + 1e-3)}

    found = _ask(trained)
    assert _broken(found) == {"batch", "resize"}
    assert "for a sample alone and among 32" in found["batch"].message


def test_an_engine_that_does_not_come_back_from_another_size_is_caught() -> None:
    sizes: set[int] = set()

    def stuck(arrays: Mapping[str, Array]) -> dict[str, Array]:
        sizes.add(len(arrays["x"]))
        return {"y": _linear(arrays)["y"] + (0.5 if 16 in sizes else 0.0)}

    found = _ask(stuck)
    assert _broken(found) == {"resize"}
    assert found["resize"].figure == pytest.approx(0.5, abs=1e-6)


def test_rounding_is_allowed_and_little_more() -> None:
    def near(error: float) -> Run:
        def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
            y = _linear(arrays)["y"].astype(np.float64)
            return {"y": y + error * np.abs(y).max() * (len(y) == 1)}

        return run

    assert not _broken(_ask(near(1e-6)))
    assert _broken(_ask(near(1e-3))) == {"batch"}


def test_another_batch_size_may_differ_within_the_limits_of_parity() -> None:
    def dynamic(arrays: Mapping[str, Array]) -> dict[str, Array]:
        scale = np.abs(arrays["x"]).max() / 127
        return _linear({"x": np.round(arrays["x"] / scale) * scale})

    assert "batch" in _broken(_ask(dynamic))
    found = _ask(dynamic, y=0.5)
    assert not _broken(found)
    assert "where 0.5 is allowed, for a sample alone and among 32" in found["batch"].message
    assert "batch" in _broken(_ask(dynamic, y=1e-3))


def test_only_rounding_is_allowed_in_the_same_call_whatever_the_limits() -> None:
    assert "shuffle" in _broken(_ask(Recurrent(keeps=True), frozen=1, y=10.0))


def test_a_frozen_batch_of_8_is_asked_for_8() -> None:
    run = Counted(_linear)
    invariants(run, X, _linear(X), _linear(X), 8)
    assert set(run.sizes) == {8}


def test_one_sample_is_asked_what_it_can_answer() -> None:
    one = {"x": X["x"][:1]}
    found = invariants(_linear, one, _linear(one), _linear(one))
    assert [i.name for i in found] == ["repeat", "finite"]


def test_nan_is_counted_and_no_figure() -> None:
    def overflow(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        y[:, 0] = np.inf
        return {"y": y, "z": np.full((len(y), 2), np.nan)}

    found = _ask(overflow)
    assert _broken(found) == {"finite"}
    assert found["finite"].message == "NaN or infinity in 70 of 210 in 'y', 140 of 140 in 'z'"


def test_nan_that_comes_and_goes_is_a_broken_repeat() -> None:
    calls: list[int] = []

    def unset(arrays: Mapping[str, Array]) -> dict[str, Array]:
        calls.append(1)
        return {"y": _linear(arrays)["y"] * (np.nan if len(calls) == 3 else 1)}

    found = _ask(unset)
    assert _broken(found) == {"repeat"}
    assert "between numbers and NaN" in found["repeat"].message
    assert found["repeat"].figure is None


@pytest.mark.parametrize("value", [0.0, 3.5, -1e30])
def test_an_answer_that_never_changes_is_caught(value: float) -> None:
    def constant(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"y": np.full((len(arrays["x"]), 3), value, np.float32)}

    found = _ask(constant)
    assert _broken(found) == {"constant"}
    assert found["constant"].message == "the same answer to every sample in 'y'"


def test_an_answer_that_never_changes_is_right_where_the_models_own_does_not() -> None:
    def constant(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {"anchors": np.ones((len(arrays["x"]), 4), np.float32)}

    found = invariants(constant, X, constant(X), constant(X))
    assert all(invariant.passed for invariant in found)


def test_another_shape_is_caught() -> None:
    def squeezed(arrays: Mapping[str, Array]) -> dict[str, Array]:
        y = _linear(arrays)["y"]
        return {"y": y[:, None] if len(y) == 1 else y}

    found = _ask(squeezed)
    assert _broken(found) == {"batch"}
    assert "has shape [1, 1, 3] instead of [1, 3]" in found["batch"].message


def test_an_error_fails_what_asked_and_nothing_else() -> None:
    def refuses(arrays: Mapping[str, Array]) -> dict[str, Array]:
        if len(arrays["x"]) == 1:
            raise EngineError("The reshape takes 32 samples only.")
        return _linear(arrays)

    found = _ask(refuses)
    assert _broken(found) == {"batch"}
    assert "The reshape takes 32 samples only." in found["batch"].message


def test_an_error_of_the_first_call_is_raised() -> None:
    def refuses(arrays: Mapping[str, Array]) -> dict[str, Array]:
        raise EngineError("It is out of order.")

    with pytest.raises(EngineError, match="out of order"):
        invariants(refuses, X, _linear(X), _linear(X))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 5),
    st.sampled_from(["int64", "bool", "float16", "float64"]),
    st.sampled_from([(), (2,), (2, 3), (0,)]),
)
def test_every_dtype_and_shape_of_an_output(n: int, dtype: str, shape: tuple[int, ...]) -> None:
    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        rows = arrays["x"].sum(axis=1) * 100
        y = np.broadcast_to(rows.reshape(-1, *[1] * len(shape)), (len(rows), *shape))
        return {"y": y.astype(dtype)}

    few = {"x": X["x"][:n]}
    assert all(i.passed for i in invariants(run, few, run(few), run(few)))


def test_huge_values_overflow_nowhere() -> None:
    calls: list[int] = []

    def huge(arrays: Mapping[str, Array]) -> dict[str, Array]:
        calls.append(1)
        sign = 1 if len(calls) % 2 else -1
        return {"y": np.full((len(arrays["x"]), 1), 1.7e308) * sign}

    found = _ask(huge)
    assert not found["repeat"].passed
    documents.encode(Evidence(outputs=(), invariants=tuple(found.values())))


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
    rows = [compare("y", answers["y"], expected["y"], Tolerance())]
    found = findings(rows, held, None, engine.name, False)
    assert [finding.fault for finding in found] == [Fault.KEPT_STATE, Fault.WRONG_VALUES]
