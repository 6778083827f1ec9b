import zipfile
from pathlib import Path

import pytest

from edgeml.digests import sha256
from edgeml.errors import InputError
from edgeml_converters.sources.source import parse


def test_a_callable_in_a_file_keeps_no_folder_in_its_label(tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text("")
    source = parse(f"{file}:net")
    assert (source.kind, source.label, source.attribute) == ("file", "models.py:net", "net")
    assert source.path == file


def test_a_module_has_no_path_and_no_digest() -> None:
    source = parse("package.models:net")
    assert (source.kind, source.location, source.path) == ("module", "package.models", None)
    assert source.sha256() is None


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("net.h5", b"\x89HDF\r\n\x1a\nmore", "keras"),
        ("net.tflite", b"\x1c\0\0\0TFL3more", "tflite"),
        ("net.onnx", b"\x08\x08more", "onnx"),
    ],
)
def test_a_file_is_known_by_its_suffix_and_first_bytes(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert parse(str(tmp_path / name)).kind == kind
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="is not a whole"):
        parse(str(tmp_path / name))


def test_a_link_keeps_its_own_name(tmp_path: Path) -> None:
    """As a hub's cache holds files: a link with a name to a file without."""
    (tmp_path / "5f3a").write_bytes(b"\x08\x08")
    (tmp_path / "net.onnx").symlink_to(tmp_path / "5f3a")
    source = parse(str(tmp_path / "net.onnx"))
    assert (source.kind, source.label) == ("onnx", "net.onnx")
    assert Path(source.location).name == "net.onnx"


def test_weights_belong_to_a_callable_and_to_its_label(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("")
    (tmp_path / "net.pt").write_bytes(b"weights")
    source = parse(f"{tmp_path / 'models.py'}:net", tmp_path / "net.pt")
    assert source.label == "models.py:net+net.pt"
    assert source.weights == str(tmp_path / "net.pt")
    assert source.weights_sha256() == sha256(b"weights")
    assert parse("models:net").weights_sha256() is None


@pytest.mark.parametrize(
    ("source", "weights", "sentence"),
    [
        ("models.py:net", "missing.pt", "There are no weights at missing.pt"),
        ("models.py:net", "weights.npz", "of no known kind of weights"),
        ("net.onnx", "net.pt", "net.onnx holds its own weights"),
    ],
)
def test_weights_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, weights: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("models.py", "net.onnx", "net.pt", "weights.npz"):
        Path(file).write_bytes(b"content")
    with pytest.raises(InputError, match=sentence) as caught:
        parse(source, weights)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "member", "kind"),
    [
        ("net.pt2", "net/archive_format", "exported-program"),
        ("net.pt", "net/code/__torch__.py", "torchscript"),
        ("net.keras", "config.json", "keras"),
    ],
)
def test_a_file_is_known_by_its_suffix(tmp_path: Path, name: str, member: str, kind: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr(member, "x")
    assert parse(str(tmp_path / name)).kind == kind


def test_the_digest_of_a_folder_follows_content_and_names_not_the_place(tmp_path: Path) -> None:
    for place in ("a", "b", "c"):
        (tmp_path / place / "variables").mkdir(parents=True)
        (tmp_path / place / "saved_model.pb").write_bytes(b"graph")
        (tmp_path / place / "variables" / "data").write_bytes(b"w")
    (tmp_path / "c" / "variables" / "data").rename(tmp_path / "c" / "variables" / "other")
    a, b, c = (parse(str(tmp_path / place)).sha256() for place in ("a", "b", "c"))
    assert a == b != c


def test_a_pickle_of_weights_is_refused_without_loading_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.pt", "w") as archive:
        archive.writestr("weights/data.pkl", b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(InputError, match="no TorchScript code"):
        parse(str(tmp_path / "weights.pt"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.pt2", "There is no model at"),
        ("missing.py:net", "There is no Python file"),
        ("models.py", "needs the callable"),
        ("notes.txt", "of no known kind"),
        ("truncated.pt2", "not a whole .pt2 file"),
        ("empty", "holds no saved_model.pb"),
        ("not a module:net", "neither a file nor a module"),
        ("weights.safetensors", "name the callable that builds it as SOURCE"),
        ("text.h5", r"not a whole \.h5 file \(it begins with 50 4b"),
        ("text.tflite", r"not a whole \.tflite file"),
    ],
)
def test_what_is_no_source_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ("models.py", "notes.txt", "truncated.pt2", "weights.safetensors", "text.h5")
    for file in (*files, "text.tflite"):
        Path(file).write_bytes(b"PK")
    Path("empty").mkdir()
    with pytest.raises(InputError, match=sentence) as caught:
        parse(name)
    assert "\n" not in str(caught.value)
