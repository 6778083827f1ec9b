"""Parity through the runtime's own engines, on files made by hand."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from edgeml.faults import Fault
from edgeml_converters.formats.npz import save
from edgeml_converters.parity import judging, run
from edgeml_converters.parity.outcome import Parity
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.run import show_parity
from edgeml_converters.progress import silent
from edgeml_converters.steps.processes import Processes

RNG = np.random.default_rng(0)
X, Y = (RNG.normal(size=(70, 4)).astype(np.float32) for _ in range(2))


def _difference(folder: Path, inputs: tuple[str, str], outputs: tuple[str, str]) -> Path:
    """A file that computes inputs[0] - inputs[1] and inputs[0] + 2 inputs[1]."""
    a, b = inputs
    shape = ["batch", 4]
    graph = helper.make_graph(
        [
            helper.make_node("Sub", [a, b], [outputs[0]]),
            helper.make_node("Add", [a, b], ["sum"]),
            helper.make_node("Add", ["sum", b], [outputs[1]]),
        ],
        "difference",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in reversed(inputs)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in reversed(outputs)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entry = folder / "onnx-fp32" / "model.onnx"
    entry.parent.mkdir()
    entry.write_bytes(model.SerializeToString())
    return entry


def _show(entry: Path, expected: dict[str, npt.NDArray[Any]], *, shown: bool = True) -> Parity:
    inputs = {"x": X, "y": Y}
    file = entry.parent.parent / "inputs.npz"
    save(file, inputs)
    with Processes(entry.parent.parent, 60) as processes:
        question = Question(file, inputs, expected, Rule(exact=True), processes, shown=shown)
        return show_parity(entry, "onnx", question, silent)


def test_permuted_inputs_and_outputs_of_one_shape_are_paired_by_value(tmp_path: Path) -> None:
    parity = _show(
        _difference(tmp_path, ("args_1", "args_0"), ("Identity:1", "Identity")),
        {"difference": X - Y, "sum": X + 2 * Y},
    )
    assert parity.inputs == {"x": "args_1", "y": "args_0"}
    assert parity.outputs == {"difference": "Identity:1", "sum": "Identity"}
    assert parity.passed and parity.fault() is None
    levels = [(row.engine, row.optimisation) for row in parity.engines]
    assert levels == [("onnxruntime", level) for level in ("all", "extended", "basic", "disabled")]
    for row in parity.engines:
        assert row.passed and {output.name for output in row.outputs} == {"difference", "sum"}
        assert all(o.max_abs is not None and o.max_abs < 1e-5 for o in row.outputs)
    first, *others = parity.engines
    assert first.evidence is not None and all(row.evidence is None for row in others)
    assert {i.name for i in first.evidence.invariants} >= {"repeat", "shuffle", "batch", "finite"}
    assert all(invariant.passed for invariant in first.evidence.invariants)
    assert parity.findings == []


def test_where_nobody_looks_one_level_that_agrees_is_enough(tmp_path: Path) -> None:
    entry = _difference(tmp_path, ("x", "y"), ("difference", "sum_"))
    parity = _show(entry, {"difference": X - Y, "sum_": X + 2 * Y}, shown=False)
    assert [(row.optimisation, row.answer) for row in parity.engines] == [("all", "same")]
    other = _show(entry, {"difference": X - Y, "sum_": X + 3 * Y}, shown=False)
    assert [row.answer for row in other.engines] == ["differs"] * 4


@pytest.mark.parametrize("size", [4, 600_000])
def test_what_a_file_makes_of_a_batch_is_seen_however_large_its_samples_are(
    tmp_path: Path, size: int
) -> None:
    """y = what is up front + its mean over the batch, which is right for one sample alone."""
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["x", "from", "to", "axis"], ["front"]),
            helper.make_node("ReduceMean", ["front"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Add", ["front", "mean"], ["y"]),
        ],
        "batched",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [
            helper.make_tensor(name, TensorProto.INT64, [1], [value])
            for name, value in {"from": 0, "to": 4, "axis": 1}.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entry = tmp_path / "onnx-fp32" / "model.onnx"
    entry.parent.mkdir()
    entry.write_bytes(model.SerializeToString())
    x = RNG.normal(size=(20, size)).astype(np.float32)
    save(tmp_path / "x.npz", {"x": x})
    with Processes(tmp_path, 60) as processes:
        rule = Rule(exact=True)
        question = Question(tmp_path / "x.npz", {"x": x}, {"y": 2 * x[:, :4]}, rule, processes)
        parity = show_parity(entry, "onnx", question, silent)
    assert not parity.passed
    assert Fault.BATCH_DEPENDENT in {finding.fault for finding in parity.findings}


def test_exchanged_names_of_outputs_are_seen_and_said(tmp_path: Path) -> None:
    """Silent failure 5: equal names, exchanged values, as in basic-pitch's two files."""
    parity = _show(
        _difference(tmp_path, ("x", "y"), ("sum_", "difference")),
        {"difference": X - Y, "sum_": X + 2 * Y},
    )
    assert parity.passed
    assert parity.outputs == {"difference": "sum_", "sum_": "difference"}
    (finding,) = parity.findings
    assert (finding.fault, finding.severity) == (Fault.PERMUTED_OUTPUTS, "warning")


def test_a_file_that_says_something_else_fails_with_its_figures(tmp_path: Path) -> None:
    parity = _show(
        _difference(tmp_path, ("x", "y"), ("difference", "sum_")),
        {"difference": X - Y, "sum_": X + 3 * Y},
    )
    assert not parity.passed
    fault = parity.fault()
    assert fault is not None and fault.startswith("onnxruntime: 'sum_' differs: rounding ")
    (finding,) = parity.findings
    assert (finding.fault, finding.severity) == (Fault.WRONG_VALUES, "error")
    assert (finding.where, finding.engines) == ("sum_", ("onnxruntime",))


def test_a_damaged_file_did_not_run_and_does_not_pass(tmp_path: Path) -> None:
    entry = _difference(tmp_path, ("x", "y"), ("difference", "other"))
    entry.write_bytes(entry.read_bytes()[:40])
    parity = _show(entry, {"difference": X - Y, "other": X + 2 * Y})
    assert not parity.passed
    assert parity.engines[0].error is not None
    assert "could not run it" in (parity.fault() or "")


@pytest.mark.parametrize("outputs", [("difference", "other"), ("a", "b")])
def test_another_number_of_outputs_is_a_stated_failure(
    tmp_path: Path, outputs: tuple[str, str]
) -> None:
    parity = _show(_difference(tmp_path, ("x", "y"), outputs), {"difference": X - Y})
    assert not parity.passed
    assert "where the model gives 'difference'" in (parity.fault() or "")


def test_an_engine_that_opens_the_file_at_no_level_says_why(tmp_path: Path) -> None:
    entry = _difference(tmp_path, ("x", "y"), ("difference", "total"))
    model = onnx.load(entry)
    model.graph.node[0].op_type = "Subtract"
    entry.write_bytes(model.SerializeToString())
    parity = _show(entry, {"difference": X - Y, "total": X + 2 * Y})
    (finding,) = parity.findings
    assert (finding.fault, finding.engines) == (Fault.ENGINE_REFUSED, ("onnxruntime",))
    assert re.match(r"onnxruntime: onnxruntime .* refused model\.onnx: .*Subtract", finding.message)
    assert str(tmp_path) not in finding.message


def test_levels_that_answer_the_same_numbers_are_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []

    def counting(*arguments: Any) -> Any:
        judged.append(1)
        return judging.judge(*arguments)

    monkeypatch.setattr(run, "judge", counting)
    entry = _difference(tmp_path, ("x", "y"), ("difference", "other"))
    parity = _show(entry, {"difference": X - Y, "other": X + 2 * Y})
    assert len(parity.engines) == 4 and len(judged) == 1
    assert len({row.outputs for row in parity.engines}) == 1 and parity.passed
