"""mlflow:models:/..., against a server that answers as MLflow 3.17.2 did; see mlflow_server.py."""

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeml.errors import FetchError, InputError
from edgeml_converters.sources.source import Source, parse
from tests.converters.sources.registries.mlflow_server import RUN, Registry, serving

ONNX = b"\x08\x08 a model"
SOURCE = "mlflow:models:/digits@champion"


def _mlmodel(flavour: str) -> bytes:
    """As MLflow wrote it, with what is of no interest and a scalar folded over two lines."""
    return f"""\
artifact_path: mlflow-artifacts:/1/models/m-8cf26882f6364961bd132e10af947ef8/artifacts
flavors:
  {flavour}
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: 3.11.7
mlflow_version: 3.17.2
prompts: null
signature:
  inputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "float32", "shape": [-1, 1,
    8, 8]}}}}]'
  params: null
utc_time_created: '2026-11-25 14:03:49.630025'
""".encode()


def _zipped(*members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member in members:
            archive.writestr(member, "content")
    return stream.getvalue()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    registry = Registry(
        {
            "MLmodel": _mlmodel(
                "onnx:\n    code: null\n    data: model.onnx\n    providers: [CPU]"
            ),
            "model.onnx": ONNX,
            "09de3dc0.data": b"weights",
            "conda.yaml": b"",
        }
    )
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    with serving(registry) as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        yield registry


def _refused(folder: Path, source: str = SOURCE, kind: type[Exception] = InputError) -> str:
    with pytest.raises(kind) as caught:
        parse(source, downloads=folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("source", [SOURCE, "mlflow:models:/digits/1"])
def test_an_onnx_model_comes_with_the_weights_beside_it(
    registry: Registry, tmp_path: Path, source: str
) -> None:
    found = parse(source, downloads=tmp_path)
    assert (found.kind, found.label) == ("onnx", source)
    assert found.origin == {"mlflow_model": "digits", "mlflow_version": "1", "mlflow_run": RUN}
    assert Path(found.location).read_bytes() == ONNX
    assert (Path(found.location).parent / "09de3dc0.data").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("flavour", "files", "kind", "entry"),
    [
        (
            "pytorch:\n    model_data: data\n    pytorch_version: 2.13.0+cpu",
            {"data/model.pt2": _zipped("model/archive_format")},
            "exported-program",
            "data/model.pt2",
        ),
        (
            "pytorch:\n    model_data: data\n    pytorch_version: 2.13.0+cpu",
            {"data/model.pth": _zipped("model/code/__torch__.py", "model/data.pkl")},
            "torchscript",
            "data/model.pth",
        ),
        (
            "keras:\n    data: data\n    keras_backend: tensorflow",
            {"data/model.keras": _zipped("config.json"), "data/keras_module.txt": b"keras"},
            "keras",
            "data/model.keras",
        ),
        (
            "tensorflow:\n    data: data\n    model_type: keras\n    save_format: tf",
            {"data/model/saved_model.pb": b"graph", "data/save_format.txt": b"tf"},
            "saved-model",
            "data/model",
        ),
        (
            "tensorflow:\n    model_type: tf2-module\n    saved_model_dir: tf2model",
            {"tf2model/saved_model.pb": b"graph", "tf2model/variables/variables.index": b"i"},
            "saved-model",
            "tf2model",
        ),
    ],
)
def test_every_flavour_says_where_its_model_is(
    registry: Registry,
    tmp_path: Path,
    flavour: str,
    files: dict[str, bytes],
    kind: str,
    entry: str,
) -> None:
    registry.files = {"MLmodel": _mlmodel(flavour), **files}
    found = parse(SOURCE, downloads=tmp_path)
    assert (found.kind, found.location) == (kind, str(tmp_path / entry))
    for name, content in files.items():
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    ("variables", "authorization"),
    [
        ({"TOKEN": "secret"}, "Bearer secret"),
        (
            {"USERNAME": "ann", "PASSWORD": "pass", "TOKEN": "unused"},
            f"Basic {base64.b64encode(b'ann:pass').decode()}",
        ),
    ],
)
def test_who_asks_is_said_as_mlflows_own_client_says_it(
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    authorization: str,
) -> None:
    registry.authorization = authorization
    assert "does not let you in (401); set MLFLOW_TRACKING_TOKEN" in _refused(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    assert parse(SOURCE, downloads=tmp_path).kind == "onnx"


def test_a_password_in_the_address_is_used_and_never_shown(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.authorization = f"Basic {base64.b64encode(b'ann:p@ss').decode()}"
    address = registry.url.replace("http://", "http://ann:p%40ss@")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert parse(SOURCE, downloads=tmp_path).kind == "onnx"
    registry.authorization = "Basic other"
    said = _refused(tmp_path)
    assert "p%40ss" not in said and "p@ss" not in said


def test_a_redirect_does_not_get_the_token(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    elsewhere = Registry(registry.files)
    elsewhere.authorization = "Bearer secret"
    with serving(elsewhere) as url:
        registry.redirect = f"{url}/api/2.0/mlflow/registered-models/alias?name=digits&alias=x"
        assert "does not let you in (401)" in _refused(tmp_path)
    assert elsewhere.asked


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("mlflow:models:/digits@nope", "Registered model alias nope not found"),
        ("mlflow:models:/digits/7", "version=7) not found"),
        ("mlflow:models:/other@champion", "name=other not found"),
        ("mlflow:models:/digits", "names no model; write mlflow:models:/NAME@ALIAS"),
        ("mlflow:models:/digits/Production", "names no model"),
        ("mlflow:runs:/abc/model", "names no model"),
    ],
)
def test_what_is_not_there(registry: Registry, tmp_path: Path, source: str, sentence: str) -> None:
    assert sentence in _refused(tmp_path, source)


def test_a_pickled_module_is_refused(registry: Registry, tmp_path: Path) -> None:
    registry.files = {
        "MLmodel": _mlmodel("pytorch:\n    model_data: data"),
        "data/model.pth": _zipped("model/data.pkl"),
    }
    said = _refused(tmp_path)
    assert "is a pickled module" in said and "serialization_format='pt2'" in said


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no MLmodel"),
        ({"MLmodel": _mlmodel("sklearn:\n    pickled_model: model.pkl")}, "has no flavour onnx"),
        ({"MLmodel": _mlmodel("onnx:\n    data: ../../../etc/passwd")}, "has no flavour onnx"),
        ({"MLmodel": b"flavors: [1"}, "cannot be read"),
    ],
)
def test_a_model_without_a_model(
    registry: Registry, tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    registry.files = files
    assert sentence in _refused(tmp_path / "downloads")


@pytest.mark.parametrize("name", ["..", "../../outside", "/etc/passwd", "a\\b", ""])
def test_a_server_cannot_write_outside_of_the_folder(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    registry.entry_name = name or "."
    assert "no name of a file in a model" in _refused(tmp_path / "downloads")
    assert not list(tmp_path.rglob("*"))


def test_a_model_that_is_not_ready_or_lies_elsewhere(registry: Registry, tmp_path: Path) -> None:
    registry.uri = "s3://bucket/1/artifacts"
    assert "lies at s3://bucket/1/artifacts, which edgeml does not read" in _refused(tmp_path)
    registry.status = "PENDING_REGISTRATION"
    assert "is PENDING_REGISTRATION" in _refused(tmp_path)


def test_a_server_on_this_machine_may_name_a_folder(registry: Registry, tmp_path: Path) -> None:
    for name, content in registry.files.items():
        (tmp_path / name).write_bytes(content)
    registry.uri = tmp_path.as_uri()
    found: Source = parse(SOURCE, downloads=tmp_path / "unused")
    assert found.location == str(tmp_path / "model.onnx")


def test_a_file_that_is_cut_off_is_not_taken(registry: Registry, tmp_path: Path) -> None:
    registry.files["model.onnx"] = bytes(3 << 20)
    registry.cut = "model.onnx"
    said = _refused(tmp_path, kind=FetchError)
    assert "sent 1572864 of 3145728 B of model.onnx" in said
    assert not (tmp_path / "model.onnx").exists()


def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "set it to the address of 'mlflow server'" in _refused(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "does not answer" in _refused(tmp_path, kind=FetchError)


def test_another_server_is_none_of_mlflows(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = (200, b"<html>")

    def page(path: str, query: dict[str, str]) -> tuple[int, bytes]:
        return answer

    monkeypatch.setattr(registry, "answer", page)
    assert "does not answer as an MLflow server does" in _refused(tmp_path)
    answer = (503, b"<html>")
    assert "failed (503" in _refused(tmp_path, kind=FetchError)
