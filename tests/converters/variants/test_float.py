"""Routes in turn: what is recorded, what is kept, how it ends. The model is a double."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from edgeml.conversion import ConversionReport, VariantReport
from edgeml.errors import ConversionError, ParityError
from edgeml.faults import Fault
from edgeml_converters.convert import verdict
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays, ModelInput
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.rule import Rule
from edgeml_converters.progress import silent
from edgeml_converters.sources.source import Source
from edgeml_converters.steps.messages import Converted, Loaded
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.process import StepError
from edgeml_converters.steps.processes import Processes
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.float import make_float

X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
SOURCE = Source(kind="module", location="double", attribute="net", label="double:net")
DYNAMO, TORCHSCRIPT = "torch-onnx-dynamo", "torch-onnx-torchscript"


class Double(ModelProcess):
    """y = x - x * x, whose routes give one after the other what `ops` says; None raises."""

    def __init__(
        self, folder: Path, ops: Sequence[str | None], frozen: tuple[str, ...] = ()
    ) -> None:
        super().__init__(SOURCE, folder, 60)
        self._ops = list(ops)
        self._frozen = frozen

    def load(self) -> Loaded:
        inputs = (ModelInput(name="x"),)
        return Loaded(framework="torch", form="module", inputs=inputs, batch=None)

    def convert(
        self, route: str, title: str, inputs: Arrays, outputs: Sequence[str], folder: Path
    ) -> Converted:
        op = self._ops.pop(0)
        if op is None:
            raise StepError(title, "ValueError: no such op")
        shape = ["batch", 3]
        graph = helper.make_graph(
            [helper.make_node("Mul", ["x", "x"], ["square"]), _second(op)],
            "double",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        return Converted(entry="model.onnx", frozen=self._frozen)


def _second(op: str) -> NodeProto:
    return helper.make_node(op, ["x", "square"], ["y"], name=op)


def _made(folder: Path, ops: Sequence[str | None]) -> Candidate:
    file = folder / "inputs.npz"
    save(file, {"x": X})
    with Processes(folder, 60) as processes, Double(folder, ops) as model:
        question = Question(file, {"x": X}, {"y": X - X * X}, Rule(exact=True), processes)
        return make_float("onnx", model, question, silent)


def _verdict(variant: VariantReport) -> None:
    verdict(
        ConversionReport(
            source="double:net", framework="torch", samples=8, variants=(variant,), tools={}
        ),
        Path("out"),
    )


def test_the_first_route_that_is_right_ends_the_search(tmp_path: Path) -> None:
    variant = _made(tmp_path, ["Sub", "Add"]).report
    assert [(tried.route, tried.error) for tried in variant.routes] == [(DYNAMO, None)]
    assert variant.passed
    _verdict(variant)


@pytest.mark.parametrize(
    ("first", "reason"), [(None, "no such op"), ("Add", "onnxruntime: 'y' differs: rounding")]
)
def test_a_route_that_fails_or_lies_is_recorded_and_the_next_is_kept(
    tmp_path: Path, first: str | None, reason: str
) -> None:
    made = _made(tmp_path, [first, "Sub"])
    variant = made.report
    assert reason in (variant.routes[0].error or "")
    assert (variant.routes[1].route, variant.routes[1].error) == (TORCHSCRIPT, None)
    assert variant.passed and variant.files == ("onnx-fp32/model.onnx",)
    assert b"Sub" in made.entry.read_bytes()
    _verdict(variant)


def test_without_a_file_it_is_a_conversion_error_that_names_every_route(tmp_path: Path) -> None:
    variant = _made(tmp_path, [None, None]).report
    assert (variant.files, variant.passed) == ((), False)
    with pytest.raises(ConversionError, match=f"{DYNAMO}, {TORCHSCRIPT}: .*no such op"):
        _verdict(variant)


def test_a_file_out_of_tolerance_is_kept_and_is_a_parity_error(tmp_path: Path) -> None:
    made = _made(tmp_path, ["Add", None])
    variant = made.report
    assert made.entry.is_file()
    assert not variant.passed and not variant.engines[0].passed
    with pytest.raises(ParityError, match=r"'y' differs: .* all figures are in out/report\.json"):
        _verdict(variant)


@pytest.mark.parametrize(
    ("allowed", "answer", "severity"), [(False, "differs", "error"), (True, "same", "warning")]
)
def test_a_branch_that_a_trace_froze_is_an_error_unless_it_is_meant(
    allowed: bool, answer: str, severity: str, tmp_path: Path
) -> None:
    file = tmp_path / "inputs.npz"
    save(file, {"x": X})
    places = ("net.py:7 (if x.max() > 2:)",)
    with Processes(tmp_path, 60) as processes, Double(tmp_path, ["Sub", None], places) as model:
        question = Question(file, {"x": X}, {"y": X - X * X}, Rule(exact=True), processes)
        variant = make_float("onnx", model, question, silent, allow_frozen=allowed).report
    (finding,) = variant.findings
    assert (variant.answer, finding.fault, finding.severity) == (
        answer,
        Fault.FROZEN_BRANCH,
        severity,
    )
    assert "net.py:7 (if x.max() > 2:)" in finding.message
    assert (variant.routes[0].error is None) == allowed
