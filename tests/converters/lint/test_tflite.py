"""Each fault of a .tflite file is found by its name, and a clean file has none."""

import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml.errors import InputError
from edgeml.faults import Fault, Finding
from edgeml_converters.lint import lint
from edgeml_converters.lint.op_versions import TFLITE_RUNTIME
from edgeml_runtime.engines.tflite import LitertEngine, TfliteEngine
from tests.converters.tflite_files import (
    RESOURCE,
    Graph,
    Op,
    Tensor,
    dynamic_layer,
    single,
    write,
)


def found(path: Path, *graphs: Graph) -> tuple[Finding, ...]:
    return lint("tflite", write(path / "model.tflite", *graphs))


def one(findings: tuple[Finding, ...]) -> tuple[Fault, str, str, tuple[str, ...]]:
    (finding,) = findings
    assert finding.message.endswith(".")
    return finding.fault, finding.severity, finding.where, finding.engines


def named(kind: str, **fields: Any) -> tuple[int, Any]:
    """Options of an op: VarHandle, CallOnce and so on."""
    options = getattr(schema, f"{kind}OptionsT")()
    for name, value in fields.items():
        setattr(options, name, value)
    return getattr(schema.BuiltinOptions, f"{kind}Options"), options


def test_a_clean_file_has_no_finding() -> None:
    probe = files("edgeml_runtime.engines") / "probe.tflite"
    assert lint("tflite", Path(str(probe))) == ()


def test_a_layer_that_tflite_runtime_computes_wrongly(tmp_path: Path) -> None:
    bad = found(tmp_path, dynamic_layer([0.01, 0.02, 0.04]))
    assert one(bad) == (Fault.PER_CHANNEL_DYNAMIC_FC, "error", "y", ("tflite",))
    assert found(tmp_path, dynamic_layer([0.01])) == ()


def test_tflite_runtime_does_compute_it_wrongly(tmp_path: Path) -> None:
    """What the rule is there for: one engine is right, the other wrong, and neither says so."""
    path = write(tmp_path / "model.tflite", dynamic_layer([0.01, 0.02, 0.04]))
    x = np.array([[1, -1, 1, 1]], np.float32)
    weights = np.arange(-6, 6).reshape(3, 4) * 10 * np.array([[0.01], [0.02], [0.04]])
    right = x @ weights.T
    answers = {
        engine.name: engine(path).run({"x": x})["y"] for engine in (LitertEngine, TfliteEngine)
    }
    assert np.allclose(answers["litert"], right, atol=0.05)
    assert not np.allclose(answers["tflite"], right, atol=0.5)


def test_a_layer_that_says_its_version_is_refused_and_not_wrong(tmp_path: Path) -> None:
    findings = found(tmp_path, dynamic_layer([0.01, 0.02, 0.04], version=12))
    assert one(findings) == (Fault.OP_VERSION, "error", "y", ("tflite",))
    assert "version 12" in findings[0].message
    assert "up to version 10" in findings[0].message


def test_an_op_that_tflite_runtime_does_not_know(tmp_path: Path) -> None:
    graph = Graph([Tensor("x"), Tensor("y")], [Op("DILATE", (0,), (1,))], outputs=(1,))
    findings = found(tmp_path, graph)
    assert one(findings) == (Fault.OP_VERSION, "error", "y", ("tflite",))
    assert "no op of that name" in findings[0].message


def test_the_table_of_versions_is_what_tflite_runtime_says() -> None:
    """Opening alone tells: the engine looks up every op by name and version."""
    from tflite_runtime.interpreter import Interpreter

    def opens(kind: str, version: int) -> bool:
        options = named("LSTM") if kind == "LSTM" else None  # it asks for them first
        try:
            Interpreter(model_content=single(kind, version, options))
        except ValueError as error:
            assert "Didn't find op" in str(error) or "out of range" in str(error), kind
            return False
        return True

    builtins = {name for name in vars(schema.BuiltinOperator) if name.isupper()} - {"CUSTOM"}
    assert TFLITE_RUNTIME.keys() <= builtins
    wrong = [
        kind
        for kind in sorted(builtins)
        if opens(kind, version := TFLITE_RUNTIME.get(kind, 0) + 1)
        or (version > 1 and not opens(kind, version - 1))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("custom", "fault"), [("FlexErfc", Fault.FLEX_OP), ("MyOp", Fault.CUSTOM_OP)]
)
def test_an_op_that_no_engine_has(custom: str, fault: Fault, tmp_path: Path) -> None:
    ops = [Op("CUSTOM", (0,), (1,), custom=custom), Op("CUSTOM", (1,), (2,), custom=custom)]
    findings = found(tmp_path, Graph([Tensor("x"), Tensor("y"), Tensor("z")], ops, outputs=(2,)))
    assert one(findings) == (fault, "error", "y", ())
    assert f"{custom} is " in findings[0].message
    assert "(2 times)" in findings[0].message


def test_a_custom_op_that_every_engine_has(tmp_path: Path) -> None:
    op = Op("CUSTOM", (0,), (1,), custom="TFLite_Detection_PostProcess")
    assert found(tmp_path, Graph([Tensor("x"), Tensor("y")], [op], outputs=(1,))) == ()


HANDLE = Op("VAR_HANDLE", (), (1,), options=named("VarHandle", sharedName="gain"))
READ = Op("READ_VARIABLE", (1,), (2,))
TENSORS = [Tensor("x"), Tensor("handle", (), RESOURCE), Tensor("y")]


def test_a_variable_that_nothing_assigns(tmp_path: Path) -> None:
    findings = found(tmp_path, Graph(TENSORS, [HANDLE, READ], outputs=(2,)))
    assert one(findings) == (Fault.UNBOUND_VARIABLE, "error", "y", ())
    assert "'gain'" in findings[0].message


def initial(name: str) -> Graph:
    """A graph that gives the variable `name` its value, for CALL_ONCE."""
    tensors = [Tensor("value", values=np.ones((1, 4), np.float32)), TENSORS[1]]
    handle = Op("VAR_HANDLE", (), (1,), options=named("VarHandle", sharedName=name))
    return Graph(tensors, [handle, Op("ASSIGN_VARIABLE", (1, 0))], inputs=())


def test_a_variable_that_is_assigned_once_before_the_first_call(tmp_path: Path) -> None:
    once = Op("CALL_ONCE", options=named("CallOnce", initSubgraphIndex=1))
    main = Graph(TENSORS, [once, HANDLE, READ], outputs=(2,))
    assert found(tmp_path, main, initial("gain")) == ()
    other = found(tmp_path, main, initial("another"))
    assert one(other) == (Fault.UNBOUND_VARIABLE, "error", "y", ())


def test_a_variable_that_is_assigned_in_each_call(tmp_path: Path) -> None:
    ops = [HANDLE, Op("ASSIGN_VARIABLE", (1, 0)), READ]
    findings = found(tmp_path, Graph(TENSORS, ops, outputs=(2,)))
    assert one(findings) == (Fault.STATEFUL_OP, "warning", "handle", ())


def test_a_tensor_that_an_engine_keeps_between_calls(tmp_path: Path) -> None:
    tensors = [Tensor("x"), Tensor("state", variable=True), Tensor("y")]
    op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", (0, 1), (2,))
    findings = found(tmp_path, Graph(tensors, [op], outputs=(2,)))
    assert one(findings) == (Fault.STATEFUL_OP, "warning", "y", ())
    assert "keeps state" in findings[0].message


def test_random_numbers(tmp_path: Path) -> None:
    op = Op("RANDOM_UNIFORM", (0,), (1,))
    findings = found(tmp_path, Graph([Tensor("x"), Tensor("y")], [op], outputs=(1,)))
    assert one(findings) == (Fault.STATEFUL_OP, "warning", "y", ())
    assert "other values in each call" in findings[0].message


def test_a_file_beyond_what_an_offset_reaches(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.touch()
    os.truncate(path, 1 << 31)  # a hole: it takes no room on the disk
    assert one(lint("tflite", path)) == (Fault.OVERSIZE, "error", "", ())


def test_errors_stand_before_warnings(tmp_path: Path) -> None:
    ops = [Op("RANDOM_UNIFORM", (0,), (1,)), Op("CUSTOM", (1,), (2,), custom="MyOp")]
    findings = found(tmp_path, Graph([Tensor("x"), Tensor("y"), Tensor("z")], ops, outputs=(2,)))
    assert [finding.severity for finding in findings] == ["error", "warning"]


@pytest.mark.parametrize("kept", [0, 6, 40, 200])
def test_what_is_no_whole_file_is_one_sentence(kept: int, tmp_path: Path) -> None:
    path = write(tmp_path / "model.tflite", dynamic_layer([0.01]))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"^model\.tflite .*; convert the model again\.$"):
        lint("tflite", path)


def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "model.tflite", dynamic_layer([0.01]))
    for module in ("lint.tflite_rules", "lint.tflite_state", "formats.tflite_read"):
        monkeypatch.delitem(sys.modules, f"edgeml_converters.{module}")
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(InputError, match=r"needs ai_edge_litert, .* install edgeml\[litert\]\."):
        lint("tflite", path)
