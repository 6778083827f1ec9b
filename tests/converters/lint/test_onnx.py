"""Each fault of an .onnx file is found by its name, and a clean file has none."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgeml.errors import InputError
from edgeml.faults import Fault, Finding
from edgeml_converters.lint import lint
from tests import onnx_models

FLOAT = TensorProto.FLOAT


def model(
    nodes: Sequence[NodeProto],
    opset: int = 17,
    ir_version: int = 8,
    domains: Sequence[str] = (),
    functions: Sequence[onnx.FunctionProto] = (),
    constants: Sequence[TensorProto] = (),
) -> onnx.ModelProto:
    """x [1, 4] to y by `nodes`; what they mean is not checked."""
    values = [helper.make_tensor_value_info(name, FLOAT, [1, 4]) for name in ("x", "y")]
    return helper.make_model(
        helper.make_graph(nodes, "test", values[:1], values[1:], constants),
        opset_imports=[helper.make_opsetid("", opset)]
        + [helper.make_opsetid(domain, 1) for domain in domains],
        ir_version=ir_version,
        functions=functions,
    )


def found(folder: Path, made: onnx.ModelProto) -> tuple[Finding, ...]:
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return lint("onnx", path)


def one(findings: tuple[Finding, ...]) -> tuple[Fault, str, str]:
    (finding,) = findings
    assert finding.message.endswith(".")
    return finding.fault, finding.severity, finding.where


def node(kind: str, *inputs: str, domain: str = "", name: str = "") -> NodeProto:
    return helper.make_node(kind, inputs or ["x"], ["y"], domain=domain, name=name)


def test_a_clean_file_has_no_finding(tmp_path: Path) -> None:
    assert lint("onnx", onnx_models.pair(tmp_path / "model.onnx")) == ()


def test_an_op_that_onnx_does_not_have(tmp_path: Path) -> None:
    """What tf2onnx leaves of an exact GELU."""
    findings = found(tmp_path, model([node("Erfc", name="gelu"), node("Erfc")]))
    assert one(findings) == (Fault.FOREIGN_OP, "error", "gelu")
    assert "no op Erfc in opset 17 of ai.onnx (2 times)" in findings[0].message


def test_an_op_that_is_younger_than_the_opset(tmp_path: Path) -> None:
    assert one(found(tmp_path, model([node("Gelu")]))) == (Fault.FOREIGN_OP, "error", "y")
    assert found(tmp_path, model([node("Gelu")], opset=20)) == ()


def test_an_op_that_onnx_has_dropped(tmp_path: Path) -> None:
    upsample = [node("Upsample", "x", "scales")]
    assert one(found(tmp_path, model(upsample))) == (Fault.FOREIGN_OP, "error", "y")
    assert found(tmp_path, model(upsample, opset=9)) == ()


def test_an_op_of_onnxruntimes_own_is_a_warning(tmp_path: Path) -> None:
    theirs = model([node("Gelu", domain="com.microsoft")], domains=["com.microsoft"])
    assert one(found(tmp_path, theirs)) == (Fault.FOREIGN_OP, "warning", "y")
    misspelt = model([node("Gellu", domain="com.microsoft")], domains=["com.microsoft"])
    assert one(found(tmp_path, misspelt)) == (Fault.FOREIGN_OP, "error", "y")


def test_an_op_of_a_domain_that_nobody_knows(tmp_path: Path) -> None:
    findings = found(tmp_path, model([node("Thing", domain="mine")], domains=["mine"]))
    assert one(findings) == (Fault.FOREIGN_OP, "error", "y")
    assert "no op mine.Thing in opset 1 of mine" in findings[0].message


@pytest.mark.parametrize(("inner", "findings"), [("Erf", 0), ("Erfc", 1)])
def test_an_op_that_the_file_defines_itself(inner: str, findings: int, tmp_path: Path) -> None:
    function = helper.make_function(
        "mine", "Thing", ["x"], ["y"], [node(inner)], [helper.make_opsetid("", 17)]
    )
    made = model([node("Thing", domain="mine")], domains=["mine"], functions=[function])
    assert len(found(tmp_path, made)) == findings


@pytest.mark.parametrize(("opset", "ir_version"), [(999, 8), (17, 999)])
def test_an_opset_that_the_installed_engine_refuses(
    opset: int, ir_version: int, tmp_path: Path
) -> None:
    findings = found(tmp_path, model([node("Relu")], opset, ir_version))
    assert one(findings) == (Fault.UNSUPPORTED_OPSET, "error", "")
    assert findings[0].engines == ("onnxruntime",)
    assert f"opset {opset} of ai.onnx in IR version {ir_version}" in findings[0].message


def test_an_opset_that_the_engine_promises_nothing_for(tmp_path: Path) -> None:
    findings = found(tmp_path, model([node("Relu")], opset=6, ir_version=3))
    assert one(findings) == (Fault.UNSUPPORTED_OPSET, "warning", "")


def test_random_numbers_inside_of_a_branch(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("y", FLOAT, [1, 4])
    branch = helper.make_graph([node("RandomNormalLike", name="dice")], "branch", [], [value])
    chosen = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    findings = found(tmp_path, model([chosen]))
    assert one(findings) == (Fault.STATEFUL_OP, "warning", "dice")
    assert "(2 times)" in findings[0].message


@pytest.mark.parametrize("training", [True, False])
def test_dropout_that_trains(training: bool, tmp_path: Path) -> None:
    flag = numpy_helper.from_array(np.array(training), "training")
    dropout = node("Dropout", "x", "", "training")
    as_initialiser = found(tmp_path, model([dropout], constants=[flag]))
    constant = helper.make_node("Constant", [], ["training"], value=flag)
    as_node = found(tmp_path, model([constant, dropout]))
    for findings in (as_initialiser, as_node):
        assert [finding.fault for finding in findings] == [Fault.STATEFUL_OP] * training
    assert found(tmp_path, model([node("Dropout")])) == ()


@pytest.mark.parametrize(
    ("location", "length", "message"),
    [
        ("weights.bin", 8, None),
        ("weights.bin", 9, "end at byte 9 of 'weights.bin', which has 8 bytes"),
        ("missing.bin", 8, "which is not there"),
        ("../weights.bin", 8, "which is not beside the file"),
        ("/etc/passwd", 8, "which is not beside the file"),
    ],
)
def test_weights_beside_the_file(
    location: str, length: int, message: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "weights.bin").write_bytes(bytes(8))
    weights = TensorProto(name="w", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "length": str(length)}.items():
        weights.external_data.add(key=key, value=value)
    findings = found(folder, model([node("Add", "x", "w")], constants=[weights]))
    if message is None:
        assert findings == ()
    else:
        assert one(findings) == (Fault.OVERSIZE, "error", "w")
        assert message in findings[0].message


def test_a_file_beyond_what_protobuf_reads(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.touch()
    os.truncate(path, 1 << 31)  # a hole: it takes no room on the disk
    assert one(lint("onnx", path)) == (Fault.OVERSIZE, "error", "")


def test_what_is_no_whole_file_is_one_sentence(tmp_path: Path) -> None:
    path = onnx_models.pair(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"^model\.onnx is not a whole"):
        lint("onnx", path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"^model\.onnx "):
        lint("onnx", path)
