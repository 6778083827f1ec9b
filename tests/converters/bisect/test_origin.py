"""Names as each exporter writes them, led back to the module or layer that they come from."""

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from edgeml.manifest import Format
from edgeml_converters.bisect.kept import kinds_and_sources, ops_like
from edgeml_converters.bisect.onnx_probe import OnnxProbe
from edgeml_converters.bisect.origin import source_of, sources
from edgeml_converters.bisect.tflite_probe import TfliteProbe

ROOT = Path(__file__).parents[3]
MODELS = Path(__file__).with_name("models.py")


def made(kind: str, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, MODELS, kind, folder],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def torch_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("torch", tmp_path_factory.mktemp("torch"))


@pytest.fixture(scope="module")
def keras_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("keras", tmp_path_factory.mktemp("keras"))


def distinct(found: list[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, found)))


# By named_modules(); the model's own relu and additions have none.
BLOCKS = [
    f"blocks.{i}{part}" for i in (0, 1) for part in (".my_conv", ".act", "")
]  # fmt: skip
PATHS = ["stem", *BLOCKS, "head.0", "head.1"]


@pytest.mark.torch
def test_torch_export_says_it_in_metadata(torch_folder: Path) -> None:
    model = onnx.load(torch_folder / "dynamo.onnx")
    found = sources(model)
    assert distinct([found[node.name] for node in model.graph.node]) == PATHS
    assert found["logits"] == "head.1"  # by the tensor's name as well
    del model.graph.node[0].metadata_props[:]
    assert model.graph.node[0].name not in sources(model)


@pytest.mark.torch
def test_torch_export_without_metadata_is_known_by_its_weights(torch_folder: Path) -> None:
    places = OnnxProbe(torch_folder / "dynamo.onnx").places
    found = [next(filter(None, map(source_of, place.hints)), "") for place in places]
    assert distinct(found) == ["stem", "blocks.0.my_conv", "blocks.1.my_conv", "head.1"]


@pytest.mark.torch
def test_torchscript_says_it_in_names(torch_folder: Path) -> None:
    model = onnx.load(torch_folder / "script" / "model.onnx")
    assert distinct([source_of(node.name) for node in model.graph.node]) == PATHS
    assert sources(model) == {}


@pytest.mark.torch
def test_the_same_patterns_mean_the_same_modules_in_every_format(torch_folder: Path) -> None:
    """litert-torch wrote the last part of a path alone, and calls an output by the model's name."""
    files: dict[Format, Path] = {
        "onnx": torch_folder / "script" / "model.onnx",
        "tflite": torch_folder / "litert" / "model.tflite",
    }
    for form, entry in files.items():
        known = kinds_and_sources(form, entry)[1]
        assert {"stem", "blocks.0.my_conv", "blocks.1.my_conv", "head.1"} <= set(known), form
        for pattern in ("blocks", "blocks.*", "blocks.1.my_conv", "head"):
            assert ops_like(form, entry, pattern), (form, pattern)


@pytest.mark.torch
def test_litert_torch_says_it_in_names(torch_folder: Path) -> None:
    places = TfliteProbe(torch_folder / "litert" / "model.tflite", "litert").places
    found = [next(filter(None, map(source_of, place.hints)), "") for place in places]
    assert distinct(found) == PATHS


LAYERS = ["stem", "block/inner_1", "rows", "memory", "head"]


@pytest.mark.tensorflow
def test_tf2onnx_says_it_in_names(keras_folder: Path) -> None:
    places = OnnxProbe(keras_folder / "tf2onnx" / "model.onnx").places
    found = [next(filter(None, map(source_of, place.hints)), "") for place in places]
    assert distinct(found) == LAYERS


@pytest.mark.tensorflow
def test_tflite_converter_says_it_in_names(keras_folder: Path) -> None:
    places = TfliteProbe(keras_folder / "saved" / "model.tflite", "litert").places
    found = [next(filter(None, map(source_of, place.hints)), "") for place in places]
    # The reshape of rows is folded into the first step of the GRU.
    assert distinct(found) == [layer for layer in LAYERS if layer != "rows"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("", ""),
        ("y", ""),
        ("conv2d_1", ""),
        ("Transpose__85:0", ""),
        ("serving_default_image:0", ""),
        ("StatefulPartitionedCall:0", ""),
        ("onnx::Conv_118", ""),
        ("/Relu_output_0", ""),
        ("/blocks/blocks.0/act/HardSwish_output_0", "blocks.0.act"),
        ("/net/layers/layers.3/body/body.1/Conv", "net.layers.3.body.1"),
        ("encoder.layers.0.linear1.weight", "encoder.layers.0.linear1"),
        ("encoder.layers.0.self_attn.in_proj_weight", ""),
        ("rnn.weight_ih_l0", "rnn"),
        ("net_1/dense_1_1/MatMul1", "dense_1"),
        ("net_1/add_1/AddV2;net_1/dense_2_1/BiasAdd", "dense_2"),
        ("net_1/memory_1/while/gru_cell_1/MatMul_11", "memory"),
        ("model/conv2d_1/Conv2D", "conv2d_1"),  # Keras 2
        ("StatefulPartitionedCall/model/conv2d/Conv2D", "conv2d"),
        ("StatefulPartitionedCall/Identity", ""),
        ("a.Net/torch.nn.modules.container.Sequential_my_body/torch.nn.modules.conv.Conv2d_0;3",
         "my_body.0"),
        ("a.Named/a.Net=module/b._Hid_den=blocks.0/torch.nn.modules.conv.Conv2d=1;3", "blocks.0.1"),
        ("a.Net/b._Hidden_part;", "part"),
        ("a.Net/torch.nn.modules.linear.Linear_0;;a.Net/torch.nn.modules.activation.ReLU_1;2", "0"),
    ],
)  # fmt: skip
def test_names_by_themselves(name: str, source: str) -> None:
    assert source_of(name) == source


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("/edgeml_inside/blocks/blocks.0/conv/Conv_output_0", "blocks.0.conv"),
        ("/edgeml_inside/Transpose_output_0", ""),
        ("edgeml_inside.edgeml_inside.enc.fc.weight", "enc.fc"),
        ("a.Named/a.Adapted_module/b.Net_edgeml_inside/torch.nn.modules.linear.Linear_fc;1", "fc"),
        ("/inner/fc/MatMul_output_0", "inner.fc"),
    ],
)
def test_what_edgeml_puts_around_a_model_is_no_part_of_its_paths(name: str, source: str) -> None:
    assert source_of(name) == source
