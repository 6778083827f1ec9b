import zipfile
from pathlib import Path

import pytest

from edgeml.errors import InputError
from edgeml_converters.sources import parse


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
    ],
)
def test_what_is_no_source_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("models.py", "notes.txt", "truncated.pt2"):
        Path(file).write_bytes(b"PK")
    Path("empty").mkdir()
    with pytest.raises(InputError, match=sentence) as caught:
        parse(name)
    assert "\n" not in str(caught.value)
