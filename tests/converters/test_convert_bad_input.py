"""Bad input to `edgeml convert`: one sentence, exit code 2 (3 for a crash), nothing written."""

import sys
from pathlib import Path

import numpy as np
import pytest

from edgeml.cli.main import main
from tests import onnx_models
from tests.converters.commands import HERE, convert, write_data
from tests.disks import small

PLAIN = str(HERE / "plain_sources.py")


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edgeml", "convert", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path / "good.npz", image=(1, 8, 8))
    np.savez(tmp_path / "nan.npz", image=np.full((2, 3), np.nan))
    np.savez(tmp_path / "empty.npz")
    (tmp_path / "text.npz").write_text("image")
    (tmp_path / "net.pt2").write_text("no program")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("years of work")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "data", "out", "sentence"),
    [
        ("missing.pt2", "good.npz", "out", "There is no model at missing.pt2"),
        ("net.pt2", "good.npz", "out", "not a whole .pt2 file"),
        ("good.npz", "good.npz", "out", "of no known kind"),
        ("missing.py:net", "good.npz", "out", "There is no Python file missing.py"),
        (f"{PLAIN}:raises", "missing.npz", "out", "There is no data file missing.npz"),
        (f"{PLAIN}:raises", "text.npz", "out", "not a readable .npz"),
        (f"{PLAIN}:raises", "empty.npz", "out", "holds no input"),
        (f"{PLAIN}:raises", "nan.npz", "out", "holds 6 NaN or infinite"),
        (f"{PLAIN}:raises", "good.npz", "taken", "holds other files than a conversion's"),
        (f"{PLAIN}:raises", "good.npz", "good.npz", "is a file"),
        (f"{PLAIN}:raises", "good.npz", "out", "no model today"),
        (f"{PLAIN}:nothing", "good.npz", "out", "There is no 'nothing' in"),
        ("no_such_module:net", "good.npz", "out", "There is no module 'no_such_module'"),
    ],
)
def test_bad_input_is_one_sentence(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
    data: str,
    out: str,
    sentence: str,
) -> None:
    before = sorted(folder.iterdir())
    code = _run(monkeypatch, source, "--to", "onnx", "--data", data, "--out", out)
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert "Traceback" not in said.err
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("edgeml: ") and sentence in last
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "flags", [[], ["--to", "coreml"], ["--to", "onnx", "--timeout", "0"], ["--to"]]
)
def test_wrong_flags_exit_with_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    common = [f"{PLAIN}:raises", "--data", "good.npz", "--out", "out"]
    assert _run(monkeypatch, *common, *flags) == 2


def test_a_model_that_crashes_is_a_conversion_error_without_a_traceback(folder: Path) -> None:
    ended = convert(f"{PLAIN}:crashes", folder / "good.npz", folder / "out", folder=folder)
    assert ended.code == 3
    assert "crashed with SIGSEGV" in ended.sentence
    assert not (folder / "out").exists()


def test_a_model_that_hangs_is_ended_at_the_limit(folder: Path) -> None:
    data, out = folder / "good.npz", folder / "out"
    ended = convert(f"{PLAIN}:hangs", data, out, "--timeout", "2", folder=folder)
    assert ended.code == 3
    assert "took longer than 2 s" in ended.sentence


def test_a_model_that_wants_more_memory_than_it_may_have(folder: Path) -> None:
    ended = convert(
        f"{PLAIN}:hungry", folder / "good.npz", folder / "out", "--memory", "1", folder=folder
    )
    assert ended.code == 3
    assert "needed more than the 1 GiB of memory that are allowed" in ended.sentence


@pytest.mark.parametrize("full", ["TMPDIR", "--out"])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    source = onnx_models.gain(tmp_path / "wide.onnx", 2.0, width=65_536)
    data = write_data(tmp_path / "wide.npz", samples=2, x=(65_536,))
    with small(tmp_path / "disk", "256k") as disk:
        out = tmp_path / "out"
        if full == "TMPDIR":
            monkeypatch.setenv("TMPDIR", str(disk))
        else:
            out = disk / "out"
        ended = convert(source, data, out, to=["onnx"])
        assert ended.code == 9
        assert "the disk is full; free some space" in ended.sentence
        assert list(disk.iterdir()) == [] and not out.exists()
