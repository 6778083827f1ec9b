"""`edgeml bisect` as it is called: a folder that a conversion left, a worker process, a verdict."""

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from edgeml import documents, holdout
from edgeml.cli.bisect import bisect_command
from edgeml.contract import Contract, Tensor
from edgeml.conversion import ConversionReport, EngineParity, RouteTried, VariantReport
from edgeml.errors import ConversionError, InputError
from edgeml.holdout import Holdout
from edgeml.parity.answers import Answer
from edgeml_converters.bisect.bisect import Bisection, bisect
from tests.converters import tflite_files
from tests.converters.tflite_files import Graph, Op, dynamic_layer, write

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


def scaled(path: Path, factors: tuple[float, ...]) -> Path:
    """x times each factor in turn, by nodes named as the TorchScript exporter does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ["x", *(f"/gain{i}/Mul_output_0" for i in range(1, len(factors))), "y"]
    nodes = [
        helper.make_node("Mul", [names[i], f"f{i}"], [names[i + 1]], name=f"node{i}")
        for i in range(len(factors))
    ]
    shape = ["batch", 4]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y")]
    constants = [
        numpy_helper.from_array(np.array(factor, np.float32), f"f{i}")
        for i, factor in enumerate(factors)
    ]
    graph = helper.make_graph(nodes, "test", values[:1], values[1:], constants)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


ANSWERS: dict[str, Answer] = {"litert": "same", "tflite": "differs"}
VARIANT = VariantReport(
    id="onnx-int8",
    format="onnx",
    precision="int8",
    answer="differs",
    routes=(RouteTried(route="torch-onnx-dynamo"),),
    files=("onnx-int8/model.onnx",),
    entry="onnx-int8/model.onnx",
    inputs={"features": "x"},
    outputs={"scores": "y"},
)


def conversion(folder: Path, variant: VariantReport = VARIANT) -> Path:
    """What `edgeml convert` leaves, as far as bisecting needs it; the files are not there."""
    folder.mkdir(exist_ok=True)
    report = ConversionReport(
        source="model.py:net", framework="torch", samples=12, variants=(variant,), tools={}
    )
    (folder / "report.json").write_bytes(documents.encode(report))
    kept = Holdout(inputs={"features": X}, expected={"scores": X})
    (folder / "holdout.npz").write_bytes(holdout.encode(kept))
    features = Tensor(name="features", dtype="float32", shape=("batch", 4))
    contract = Contract(inputs=(features,), outputs=())
    (folder / "contract.json").write_bytes(documents.encode(contract))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The second of three factors was damaged."""
    made = conversion(tmp_path / "out")
    scaled(made / "onnx-int8" / "model.onnx", (2, 3.9, 0.5))
    scaled(made / "reference" / "onnx" / "model.onnx", (2, 3, 0.5))
    return made


def run(*arguments: str | Path) -> Result:
    import typer

    app = typer.Typer()
    app.command()(bisect_command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_culprit_and_where_it_comes_from(folder: Path) -> None:
    found = bisect(folder, "onnx-int8")
    assert [tensor.name for tensor in found.tensors] == [
        "x", "/gain1/Mul_output_0", "/gain2/Mul_output_0", "y",
    ]  # fmt: skip
    assert found.culprit is not None
    assert (found.culprit.name, found.culprit.source) == ("/gain2/Mul_output_0", "gain2")
    assert found.culprit.snr_db == pytest.approx(20 * np.log10(3 / 0.9), abs=1e-3)
    assert (found.samples, found.floor_db, found.engine) == (8, 20.0, "")


def test_the_sources_beside_the_reference_are_used(folder: Path) -> None:
    known = {"node1": "body.second"}
    (folder / "reference" / "onnx" / "sources.json").write_bytes(msgspec.json.encode(known))
    found = bisect(folder, "onnx-int8", samples=3)
    assert found.culprit is not None
    assert found.culprit.source == "body.second"
    assert found.samples == 3


def test_a_floor_below_the_fault_finds_nothing(folder: Path) -> None:
    assert bisect(folder, "onnx-int8", floor_db=5).culprit is None


def test_people_see_a_table_and_a_sentence(folder: Path) -> None:
    done = run(folder, "--variant", "onnx-int8")
    assert done.exit_code == 0
    assert "10.5 <" in done.output
    assert (
        "Mul adds the most noise by itself, and more than the floor of 20 dB: "
        "/gain2/Mul_output_0 has 10.5 dB for its own inputs, which comes from gain2." in done.output
    )
    nothing = run(folder, "--variant", "onnx-int8", "--floor-db", "5")
    assert nothing.exit_code == 0
    assert "No tensor drops below the floor of 5 dB at once; the lowest has 10.5 dB." in (
        nothing.output
    )


def test_machines_see_one_document(folder: Path) -> None:
    done = run(folder, "--variant", "onnx-int8", "--json")
    found = msgspec.json.decode(done.stdout, type=Bisection)
    assert found == bisect(folder, "onnx-int8")


def test_a_variant_that_is_not_a_number_says_so(folder: Path) -> None:
    scaled(folder / "onnx-int8" / "model.onnx", (2, float("nan"), 0.5))
    assert "has NaN dB" in run(folder, "--variant", "onnx-int8").output


def test_tflite_is_traced_on_the_engine_that_disagrees(tmp_path: Path) -> None:
    """tflite-runtime computes this file wrongly, litert does not: see test_lint_tflite.py."""
    scales = np.array([[0.01], [0.02], [0.04]], np.float32)
    float_weights = (np.arange(-6, 6).reshape(3, 4) * 10 * scales).astype(np.float32)
    suspect = dynamic_layer([float(scale) for scale in scales[:, 0]])
    layer = suspect.ops[0]
    tensors = [
        tflite_files.Tensor("x"),
        tflite_files.Tensor("weights", values=float_weights),
        tflite_files.Tensor("y", (1, 3)),
    ]
    reference = Graph(tensors, [Op(layer.kind, (0, 1, -1), (2,), options=layer.options)],
                      outputs=(2,))  # fmt: skip
    engines = tuple(
        EngineParity(engine=name, version="1", outputs=(), answer=answer)
        for name, answer in ANSWERS.items()
    )
    variant = msgspec.structs.replace(
        VARIANT, id="v", format="tflite", entry="v/model.tflite", engines=engines
    )
    folder = conversion(tmp_path / "out", variant)
    for place, graph in {"v": suspect, "reference/tflite": reference}.items():
        (folder / place).mkdir(parents=True)
        write(folder / place / "model.tflite", graph)
    found = bisect(folder, "v")
    assert found.engine == "tflite"
    assert found.culprit is not None
    assert found.culprit.name == "y"
    conversion(folder, msgspec.structs.replace(variant, engines=engines[:1]))
    assert bisect(folder, "v").culprit is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "onnx-fp16"}, "has no variant 'onnx-int8'; use one of onnx-fp16"),
        ({"entry": ""}, "onnx-int8 has no file, since no route gave one"),
        ({"precision": "fp32"}, "onnx-int8 is the float file itself"),
        ({"entry": "onnx-int8/other.onnx"}, "other.onnx is missing; convert the model again"),
        ({"format": "tflite"}, "model.tflite is missing; convert the model again"),
        ({"inputs": {"image": "x"}}, "holds no input image; convert the model again"),
    ],
)
def test_what_cannot_be_bisected(changes: dict[str, object], message: str, folder: Path) -> None:
    conversion(folder, msgspec.structs.replace(VARIANT, **changes))
    with pytest.raises(InputError, match=message):
        bisect(folder, "onnx-int8")


def test_a_folder_that_is_none_of_ours(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="name a folder that 'edgeml convert' wrote"):
        bisect(tmp_path, "onnx-int8")
    (folder / "holdout.npz").unlink()
    with pytest.raises(InputError, match=r"There is no .*holdout\.npz; convert the model again"):
        bisect(folder, "onnx-int8")
    (folder / "report.json").write_text("{}")
    with pytest.raises(InputError, match=r"report\.json is not a conversion ?report"):
        bisect(folder, "onnx-int8")


def test_a_file_that_cannot_be_run_is_one_sentence(folder: Path) -> None:
    model = onnx.load(folder / "onnx-int8" / "model.onnx")
    model.graph.node[1].op_type = "Erfc"
    onnx.save(model, folder / "onnx-int8" / "model.onnx")
    with pytest.raises(ConversionError, match=r"^tracing onnx-int8 failed: "):
        bisect(folder, "onnx-int8")
