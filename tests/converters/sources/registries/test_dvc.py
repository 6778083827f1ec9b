"""dvc:PATH, on what DVC 3.67.1 itself wrote for these very files by `dvc add` and `dvc repro`."""

import shutil
from pathlib import Path

import pytest

from edgeml.errors import InputError
from edgeml_converters.sources.registries.dvc import verify
from edgeml_converters.sources.source import parse

FILE_MD5 = "59b0d7772f0561efb95518f3cb8abc60"
FOLDER_MD5 = "8ad0d4e8243dc46b64e9b7197e172d6a.dir"
RECORDS = {
    "net.bin.dvc": f"outs:\n- md5: {FILE_MD5}\n  size: 6\n  hash: md5\n  path: net.bin\n",
    "models.dvc": (
        f"outs:\n- md5: {FOLDER_MD5}\n  size: 10\n  nfiles: 3\n  hash: md5\n  path: models\n"
    ),
    "dvc.lock": f"""\
schema: '2.0'
stages:
  train:
    cmd: cp net.bin sub/out.bin
    deps:
    - path: net.bin
      hash: md5
      md5: {FILE_MD5}
      size: 6
    outs:
    - path: sub/out.bin
      hash: md5
      md5: {FILE_MD5}
      size: 6
""",
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in RECORDS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "sub").mkdir()
    for name in ("net.bin", "sub/out.bin"):
        (tmp_path / name).write_bytes(b"a\r\nb\r\n")
    (tmp_path / "models" / "net.bin").write_bytes(b"weights")
    (tmp_path / "models" / "Z.bin").write_bytes(b"x")
    (tmp_path / "models" / "deep" / "é.bin").write_bytes("é".encode())
    return tmp_path


@pytest.mark.parametrize(
    ("path", "md5"),
    [
        ("net.bin", FILE_MD5),
        ("sub/out.bin", FILE_MD5),
        ("models", FOLDER_MD5),
        ("models/net.bin", FOLDER_MD5),
        ("models/../net.bin", FILE_MD5),
    ],
)
def test_what_dvc_recorded_is_what_is_here(checkout: Path, path: str, md5: str) -> None:
    assert verify(Path(path)) == md5


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("net.bin", "net.bin"),
        ("sub/out.bin", "sub/out.bin"),
        ("models", "models/Z.bin"),
        ("models/net.bin", "models/deep/é.bin"),
        ("models", "models/new.bin"),
    ],
)
def test_one_changed_byte_is_refused(checkout: Path, path: str, changed: str) -> None:
    with (checkout / changed).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(
        InputError, match=r"DVC recorded .* 'dvc checkout (net|sub|models)"
    ) as caught:
        verify(Path(path))
    assert "\n" not in str(caught.value)


def test_what_was_not_pulled_says_so(checkout: Path) -> None:
    (checkout / "net.bin").unlink()
    shutil.rmtree(checkout / "models")
    for path in ("net.bin", "models", "models/net.bin"):
        with pytest.raises(InputError, match=f"not here; run 'dvc pull {path}'"):
            verify(Path(path))


def test_what_dvc_does_not_track_says_so(checkout: Path) -> None:
    (checkout / "other.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"DVC does not track other\.bin"):
        verify(Path("other.bin"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("outs:\n- path: net.bin\n", "records no md5"),
        ("outs: 7\n", "cannot be read"),
        ("outs: [\n", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("#" * (1 << 21), "is larger than"),
    ],
)
def test_a_record_that_says_nothing_is_refused(checkout: Path, text: str, sentence: str) -> None:
    (checkout / "net.bin.dvc").write_text(text)
    with pytest.raises(InputError, match=sentence) as caught:
        verify(Path("net.bin"))
    assert "\n" not in str(caught.value)


def test_a_source_under_dvc_keeps_its_md5_as_its_origin(checkout: Path) -> None:
    (checkout / "net.bin").rename(checkout / "net.onnx")
    record = RECORDS["net.bin.dvc"].replace("net.bin", "net.onnx")
    (checkout / "net.onnx.dvc").write_text(record)
    (checkout / "build.py").write_text("")
    source = parse("dvc:net.onnx")
    assert (source.kind, source.label) == ("onnx", "dvc:net.onnx")
    assert source.origin == {"dvc_md5": FILE_MD5}
    (checkout / "net.onnx").rename(checkout / "net.pt")
    (checkout / "net.pt.dvc").write_text(record.replace("net.onnx", "net.pt"))
    weights = parse("build.py:net", "dvc:net.pt")
    assert weights.weights == str(checkout / "net.pt")
    assert weights.origin == {"dvc_md5": FILE_MD5}
