"""Two models of any formats on one and the same data."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeml import package
from edgeml.errors import InputError, ParityError
from edgeml.parity.roles import Role
from edgeml_converters.compare.compare import Comparison, compare_models
from tests import onnx_models
from tests.converters import tflite_models
from tests.converters.compare.models import normal_data, pair
from tests.packages import CONTRACT, tiny_package

RNG = np.random.default_rng(0)
BASIC_PITCH = (
    Path(__file__).parents[3]
    / ".venv" / "model-packages" / "basic_pitch" / "saved_models" / "icassp_2022"
)  # fmt: skip


def _compare(a: object, b: object, data: Path, **more: Any) -> Comparison:
    return compare_models(str(a), str(b), data, timeout_seconds=120, **more)


def test_outputs_with_exchanged_names_are_paired_by_value_in_two_formats(tmp_path: Path) -> None:
    found = _compare(
        pair(tmp_path / "a.onnx", ("first", "second")),
        tflite_models.pair(tmp_path / "b.tflite", ("second", "first")),
        normal_data(tmp_path, a=(3,), b=(3,)),
    )
    assert found.answer == "same" and found.fault() is None
    assert found.outputs == {"first": "second", "second": "first"}
    assert found.inputs == {"a": "a", "b": "b"}
    assert (found.a, found.b, found.samples, found.engine) == (
        "a.onnx", "b.tflite", 70, "onnxruntime",
    )  # fmt: skip
    assert [row.engine for row in found.engines] == ["litert", "tflite"]
    assert all(o.max_abs is not None and o.max_abs < 1e-6 for r in found.engines for o in r.outputs)


@pytest.mark.parametrize("names", ["a", "b"])
def test_inputs_with_other_names_are_paired_by_value(tmp_path: Path, names: str) -> None:
    """The data speaks the language of one of the two models; the other is tried by value."""
    a = pair(tmp_path / "a.onnx", ("t", "d"), ("left", "right"))
    b = pair(tmp_path / "b.onnx", ("t", "d"), ("args_0", "args_1"))
    # b - a where a model calls them the other way round
    swapped = onnx.load(b)
    del swapped.graph.input[:]
    swapped.graph.input.extend(
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 3])
        for n in ("args_1", "args_0")
    )
    b.write_bytes(swapped.SerializeToString())
    keys = ("left", "right") if names == "a" else ("args_0", "args_1")
    found = _compare(a, b, normal_data(tmp_path, **dict.fromkeys(keys, (3,))))
    assert found.answer == "same"
    assert found.inputs == {"left": "args_0", "right": "args_1"}


def test_inputs_that_neither_model_names_are_asked_for(tmp_path: Path) -> None:
    a = pair(tmp_path / "a.onnx", ("t",), ("left", "right"))
    b = pair(tmp_path / "b.onnx", ("t",), ("args_0", "args_1"))
    with pytest.raises(InputError, match=r"which input of a\.onnx and b\.onnx cannot be told"):
        _compare(a, b, normal_data(tmp_path, x=(3,), y=(3,)))


def test_models_that_differ_show_figures_and_flips(tmp_path: Path) -> None:
    a = onnx_models.scale(tmp_path / "a.onnx", 2.0)
    b = onnx_models.scale(tmp_path / "b.onnx", -2.0)
    found = _compare(a, b, normal_data(tmp_path, x=(4,)), outputs=["y=logits"])
    assert found.answer == "differs"
    assert (found.fault() or "").startswith("onnxruntime: 'y' differs: ")
    (row,) = found.engines
    assert row.evidence is not None
    (output,) = row.evidence.outputs
    assert output.flips == 70 and len(output.worst_flips) == 16
    margins = [flip.expected_margin for flip in output.worst_flips]
    assert margins == sorted(margins, reverse=True) or margins[0] == max(margins)


def test_the_tolerance_decides(tmp_path: Path) -> None:
    a = onnx_models.scale(tmp_path / "a.onnx", 2.0)
    b = onnx_models.scale(tmp_path / "b.onnx", 2.01)
    data = normal_data(tmp_path, x=(4,))
    assert _compare(a, b, data, exact=True).answer == "differs"
    found = _compare(a, b, data, tolerances=["y:rounding=0.01"], exact=True)
    assert found.answer == "same" and found.allowed == {"y:rounding": 0.01}


def test_another_number_of_outputs_is_a_sentence(tmp_path: Path) -> None:
    a, b = pair(tmp_path / "a.onnx", ("t", "d")), pair(tmp_path / "b.onnx", ("t",))
    with pytest.raises(ParityError, match=r"a\.onnx gives 't', 'd', but b\.onnx gives 't'"):
        _compare(a, b, normal_data(tmp_path, a=(3,), b=(3,)))


def test_outputs_that_data_cannot_tell_apart(tmp_path: Path) -> None:
    a = pair(tmp_path / "a.onnx", ("t", "d"))
    b = pair(tmp_path / "b.onnx", ("y0", "y1"))
    data = tmp_path / "data.npz"
    np.savez(data, a=np.ones((4, 3), np.float32), b=np.zeros((4, 3), np.float32))
    with pytest.raises(InputError, match="cannot be told apart by this data"):
        _compare(a, b, data)


def test_a_model_that_answers_nan_is_no_reference(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Log", ["x"], ["y"])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "log.onnx").write_bytes(model.SerializeToString())
    data = normal_data(tmp_path, x=(4,))
    with pytest.raises(InputError, match=r"log\.onnx itself answers NaN in 'y'"):
        _compare(tmp_path / "log.onnx", tmp_path / "log.onnx", data)
    scale = onnx_models.scale(tmp_path / "scale.onnx", 1.0)
    found = _compare(scale, tmp_path / "log.onnx", data)
    assert found.answer == "differs" and "NaN" in (found.fault() or "")


@pytest.mark.parametrize(
    ("a", "b", "data", "sentence"),
    [
        ("a.onnx", "broken.onnx", {"x": (4,)}, r"broken\.onnx could not be run \(onnxruntime: "),
        ("broken.onnx", "a.onnx", {"x": (4,)}, r"broken\.onnx could not be run \(onnxruntime: "),
        ("a.onnx", "missing.tflite", {"x": (4,)}, "There is no file"),
        ("a.onnx", "a.onnx", {"x": (5,)}, r"takes 'x' \(float32 \[\?, 4\]\), but the data holds"),
        ("a.onnx", "a.onnx", {"x": (4,), "z": (4,)}, "takes 'x'"),
        ("a.onnx", "nothing", {"x": (4,)}, "There is no model at nothing"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, a: str, b: str, data: dict[str, tuple[int, ...]], sentence: str
) -> None:
    onnx_models.scale(tmp_path / "a.onnx", 2.0)
    (tmp_path / "broken.onnx").write_bytes((tmp_path / "a.onnx").read_bytes()[:50])
    places = [str(tmp_path / name) if "." in name else name for name in (a, b)]
    with pytest.raises(InputError, match=sentence):
        _compare(places[0], places[1], normal_data(tmp_path, **data))


def test_an_engine_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no engine 'tensorrt'"):
        _compare("a.onnx", "b.onnx", tmp_path / "data.npz", engines=["tensorrt"])


def test_an_engine_that_runs_neither_model(tmp_path: Path) -> None:
    a = onnx_models.scale(tmp_path / "a.onnx", 2.0)
    told = "--engine tflite runs neither model, onnxruntime would; leave it out or"
    with pytest.raises(InputError, match=told):
        _compare(a, a, normal_data(tmp_path, x=(4,)), engines=["tflite"])


def test_a_variant_of_a_package_goes_by_its_contract(tmp_path: Path) -> None:
    """The package calls x what its file calls x; its contract is checked by its own reader."""
    model = onnx_models.scale(tmp_path / "a.onnx", 2.0)
    packed = tiny_package(tmp_path, model_bytes=model.read_bytes(), blob_bytes=1 << 20)
    data = normal_data(tmp_path, x=(4,))
    for name in (packed, f"{packed}:onnx-fp32"):
        found = _compare(model, name, data)
        assert found.answer == "same" and found.b == "tiny-1.edgeml:onnx-fp32"
    with pytest.raises(InputError, match="holds no variant 'onnx-int8'; it holds onnx-fp32"):
        _compare(model, f"{packed}:onnx-int8", data)


def test_names_of_a_package_are_those_of_its_contract(tmp_path: Path) -> None:
    model = pair(tmp_path / "inner.onnx", ("y0",), ("args_0", "args_1"))
    packed = tiny_package(tmp_path, model_bytes=model.read_bytes(), blob_bytes=1 << 20)
    with package.Package(packed) as opened:
        manifest = opened.manifest
        (variant,) = manifest.variants
        names = {"a": "args_0", "b": "args_1"}
        renamed = msgspec.structs.replace(
            manifest,
            variants=(msgspec.structs.replace(variant, inputs=names, outputs={"total": "y0"}),),
        )
        members: dict[str, bytes | Path] = {
            file.path: opened.read(file) for file in manifest.files()
        }
    package.write(packed, renamed, members)
    found = _compare(
        pair(tmp_path / "a.onnx", ("total",)), packed, normal_data(tmp_path, a=(3,), b=(3,))
    )
    assert found.answer == "same" and found.inputs == {"a": "a", "b": "b"}
    assert found.outputs == {"total": "total"}


@pytest.mark.torch
def test_a_source_is_compared_in_its_framework(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\n\n\n"
        "class Pair(torch.nn.Module):\n"
        "    def forward(self, a, b):\n"
        "        return {'difference': a - b, 'total': a + b}\n\n\n"
        "def pair():\n"
        "    return Pair()\n"
    )
    file = tflite_models.pair(tmp_path / "b.tflite", ("y0", "y1"))
    data = normal_data(tmp_path, a=(3,), b=(3,))
    found = _compare(f"{tmp_path}/net.py:pair", file, data, engines=["litert"])
    assert found.answer == "same" and found.a == "net.py:pair"
    assert found.engine == "torch" and found.version.startswith("2.13")
    assert found.outputs == {"difference": "y1", "total": "y0"}


def test_basic_pitch_is_one_net_in_three_formats_under_permuted_names(tmp_path: Path) -> None:
    """Its authors' own ONNX and TFLite: note and onset are of one shape, and a pairing by order
    would call them different."""
    seconds = np.arange(43_844) / 22_050
    tones = RNG.uniform(100, 2000, (3, 8, 1))
    audio = 0.2 * np.sin(2 * np.pi * tones * seconds).sum(axis=0).astype(np.float32)
    audio += RNG.normal(scale=0.01, size=audio.shape).astype(np.float32)
    np.savez(tmp_path / "audio.npz", audio=audio[..., None])
    found = _compare(
        BASIC_PITCH / "nmp.onnx",
        BASIC_PITCH / "nmp.tflite",
        tmp_path / "audio.npz",
        engines=["onnxruntime", "litert"],
    )
    assert found.answer == "same"
    assert found.outputs == {
        "StatefulPartitionedCall:0": "contour",
        "StatefulPartitionedCall:1": "note",
        "StatefulPartitionedCall:2": "onset",
    }
    assert all(
        output.snr_db is not None and output.snr_db > 88  # of the worst channel
        for row in found.engines
        for output in row.outputs
    )


def test_roles_come_from_the_graph_of_a_and_from_the_contract_of_a_package(tmp_path: Path) -> None:
    a = onnx_models.chances(tmp_path / "a.onnx")
    data = normal_data(tmp_path, x=(4,))
    (role,) = _compare(a, a, data).roles["y"]
    assert (role.kind, role.source) == ("scores", "graph")
    told = (Role(kind="embedding", axis=1, source="user"),)
    outputs = tuple(msgspec.structs.replace(t, roles=told) for t in CONTRACT.outputs)
    contract = msgspec.structs.replace(CONTRACT, outputs=outputs)
    packed = tiny_package(
        tmp_path, model_bytes=a.read_bytes(), blob_bytes=1 << 20, contract=contract
    )
    (role,) = _compare(packed, a, data).roles["y"]
    assert (role.kind, role.source) == ("embedding", "contract")
    (role,) = _compare(packed, a, data, outputs=["y=signal"]).roles["y"]
    assert (role.kind, role.source) == ("signal", "user")
