"""The seven silent failures that docs/faults.md began with, each caught under its own name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml.faults import Fault
from edgeml.manifest import Format
from edgeml_converters.formats.npz import save
from edgeml_converters.options import Options
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.rule import Rule
from edgeml_converters.progress import silent
from edgeml_converters.steps.messages import Quantise, Quantised, Trace
from edgeml_converters.steps.process import StepError
from edgeml_converters.steps.processes import Processes
from edgeml_converters.steps.restarting import Shared
from edgeml_converters.variants.examine import examine
from edgeml_converters.variants.lower import make_lower
from edgeml_converters.variants.quantiser import Quantiser
from tests import onnx_models
from tests.converters.commands import HERE, convert, write_data
from tests.converters.tflite_files import RESOURCE, Graph, Op, Tensor, write

MODELS = HERE / "torch_models.py"
FORM: Format = "onnx"


def options(kind: str, **values: Any) -> tuple[int, Any]:
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        setattr(made, name, value)
    return getattr(schema.BuiltinOptions, f"{kind}Options"), made


TENSORS = [Tensor("x"), Tensor("handle", (), RESOURCE), Tensor("old"), Tensor("y")]
HANDLE = Op("VAR_HANDLE", (), (1,), options=options("VarHandle", sharedName="state"))
READ = Op("READ_VARIABLE", (1,), (2,))
ADD = Op("ADD", (0, 2), (3,), options=options("Add"))


def _agreeing(variant: dict[str, Any]) -> set[str]:
    return {row["engine"] for row in variant["engines"] if row["answer"] == "same"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "x.npz", x=(4,))


@pytest.mark.torch
def test_1_per_channel_dynamic_layers_are_mended_for_the_engine_that_misreads_them(
    tmp_path: Path,
) -> None:
    """tflite-runtime 2.14 answers at chance level on them, without an error."""
    images = write_data(tmp_path / "images.npz", image=(1, 8, 8))
    role = ("--output", "output=embedding")
    precision = ("--precision", "int8-dynamic", *role)
    mended = convert(f"{MODELS}:digits", images, tmp_path / "out", *precision, to=["tflite"])
    assert mended.code == 0, mended.err
    (variant,) = mended.report["variants"]
    (repair,) = variant["repairs"]
    assert Fault.PER_CHANNEL_DYNAMIC_FC in repair["faults"] and repair["kept"]
    assert "one scale a tensor" in repair["action"]
    assert {row["engine"] for row in variant["engines"] if row["answer"] == "same"} == {
        "tflite",
        "litert",
    }
    assert Fault.PER_CHANNEL_DYNAMIC_FC not in {f["fault"] for f in variant["findings"]}

    left = convert(
        f"{MODELS}:digits", images, tmp_path / "left", *precision, "--no-repair", to=["tflite"]
    )
    (variant,) = left.report["variants"]
    found = {f["fault"]: f for f in variant["findings"]}
    assert found[Fault.PER_CHANNEL_DYNAMIC_FC]["engines"] == ["tflite"]
    assert _agreeing(variant) <= {"litert"}


def test_2_a_variable_without_its_value_is_named_before_anything_runs(
    tmp_path: Path, data: Path
) -> None:
    file = write(tmp_path / "unbound.tflite", Graph(TENSORS, [HANDLE, READ, ADD], outputs=(3,)))
    ended = convert(file, data, tmp_path / "out", to=["tflite"])
    assert ended.code == 2
    assert "unbound-variable: The variable 'state' is read" in ended.sentence
    assert not (tmp_path / "out").exists()


class HardlyQuantising(Shared):
    """Leaves the file as it is, and says of how much of it that is true."""

    def ask(self, step: str, request: Any, kind: Any) -> Any:
        if not isinstance(request, Quantise):
            return super().ask(step, request, kind)
        entry = Path(request.entry)
        (Path(request.folder) / entry.name).write_bytes(entry.read_bytes())
        return Quantised(entry=entry.name, coverage=0.3)


def test_3_a_precision_in_name_only_is_refused(tmp_path: Path, processes: Processes) -> None:
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    file = tmp_path / "x.npz"
    save(file, {"x": x})
    processes.tools = HardlyQuantising(tmp_path / "log", 60)
    question = Question(file, {"x": x}, {"y": 2 * x}, Rule(exact=True), processes)
    folder = tmp_path / "float" / "onnx-fp32"
    folder.mkdir(parents=True)
    entry = onnx_models.scale(folder / "model.onnx", 2.0)
    base, _ = examine(FORM, "fp32", question, entry, silent)
    quantiser = Quantiser(base, "int8-weights", question, question, None, silent)
    report = make_lower(quantiser, Options()).report
    assert not report.passed and report.coverage == 0.3
    (finding,) = report.findings
    assert (finding.fault, finding.severity) == (Fault.LOW_COVERAGE, "error")
    assert "Only 0.3 % of the weights' bytes are int8-weights" in finding.message


class NotTracing(Shared):
    """Fails where the tensors inside are asked for."""

    def ask(self, step: str, request: Any, kind: Any) -> Any:
        if isinstance(request, Trace):
            raise StepError(step, "the engine shows no tensors")
        return super().ask(step, request, kind)


def test_tensors_that_cannot_be_shown_cost_only_themselves(
    tmp_path: Path, processes: Processes
) -> None:
    x = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    file = tmp_path / "x.npz"
    save(file, {"x": x})
    processes.tools = NotTracing(tmp_path / "log", 60)
    question = Question(file, {"x": x}, {"y": 2 * x}, Rule(), processes)
    folder = tmp_path / "float" / "onnx-fp32"
    folder.mkdir(parents=True)
    entry = onnx_models.scale(folder / "model.onnx", 2.0)
    base, _ = examine(FORM, "fp32", question, entry, silent)
    report = make_lower(
        Quantiser(base, "int8-weights", question, question, None, silent), Options()
    ).report
    assert report.passed and not report.tensors
    (finding,) = report.findings
    assert (finding.fault, finding.severity) == (Fault.NOT_TRACED, "warning")
    assert "(the engine shows no tensors)" in finding.message


def test_4_state_that_is_kept_between_calls_is_seen_by_calling_again(
    tmp_path: Path, data: Path
) -> None:
    """The first sample is right, so one call shows nothing."""
    assign = Op("ASSIGN_VARIABLE", (1, 3))
    once = Op("CALL_ONCE", options=options("CallOnce", initSubgraphIndex=1))
    zeros = Tensor("value", values=np.zeros((1, 4), np.float32))
    first = Graph([zeros, TENSORS[1]], [HANDLE, Op("ASSIGN_VARIABLE", (1, 0))], inputs=())
    main = Graph(TENSORS, [once, HANDLE, READ, ADD, assign], outputs=(3,))
    file = write(tmp_path / "stateful.tflite", main, first)
    ended = convert(file, data, tmp_path / "out", to=["tflite"])
    assert ended.code == 2
    assert ended.sentence.startswith("The model answers differently to the same call, in ")
    assert not (tmp_path / "out").exists()


# 5, exchanged names of outputs: test_parity_run.py, test_compare.py (basic-pitch's own two files).


@pytest.mark.torch
def test_6_an_engine_that_crashes_at_full_optimisation_is_used_below_it(tmp_path: Path) -> None:
    """onnxruntime 1.32 ends its process on an fp16 transformer, and not one level below."""
    rows = write_data(tmp_path / "rows.npz", rows=(8, 8))
    ended = convert(
        f"{MODELS}:transformer", rows, tmp_path / "out", "--precision", "fp16", to=["onnx"]
    )
    assert ended.code == 0, ended.err
    (variant,) = ended.report["variants"]
    levels = {row["optimisation"]: row for row in variant["engines"]}
    assert "SIGSEGV" in levels["all"]["error"] and levels["extended"]["answer"] == "same"
    (crash,) = [f for f in variant["findings"] if f["fault"] == Fault.OPTIMISER_CRASH]
    assert "the package names extended, and a device uses it" in crash["message"]


# 7, an exporter that says nothing while its file lies: test_convert_torch.py.
