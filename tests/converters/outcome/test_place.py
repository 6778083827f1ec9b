"""Where a conversion may be written: nothing of people's is replaced, and what cannot be is told
before anything is made."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edgeml import documents
from edgeml.conversion import ConversionReport
from edgeml.errors import InputError
from edgeml_converters.outcome.folder import building
from edgeml_converters.outcome.place import check, check_apart
from tests.disks import small
from tests.missing import missing

WRITTEN = ("report.json", "report.html", "contract.json", "holdout.npz", "onnx-fp32/model.onnx")
REPORT = documents.encode(
    ConversionReport(source="s", framework="torch", samples=1, variants=(), tools={}, files=WRITTEN)
)


@pytest.mark.parametrize("report", [None, b"{}"])
def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path, report: bytes | None) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    if report is not None:
        (tmp_path / "report.json").write_bytes(report)
    with pytest.raises(InputError, match="holds other files"):
        check(tmp_path)
    with pytest.raises(InputError), building(tmp_path):
        pass
    assert (tmp_path / "thesis.tex").exists()


def test_what_can_be_no_folder_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="is a link that leads back to itself"):
        check(tmp_path / "a")
    for name in ("a" * 256, "a\0b", "a" * 256 + "/out"):
        with pytest.raises(InputError, match=r"can be no folder \(.*\); name another"):
            check(tmp_path / name)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file"):
        check(tmp_path / "out")


def test_the_folder_that_one_is_in_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in" / "it").mkdir(parents=True)
    for inside in (".", "in", "in/it"):
        monkeypatch.chdir(tmp_path / inside)
        with pytest.raises(InputError, match="is the folder that you are in and would be replaced"):
            check(tmp_path)
    check(Path("new"))


def test_a_disk_of_its_own_is_not_replaced(tmp_path: Path) -> None:
    with (
        small(tmp_path / "disk", "64k") as disk,
        pytest.raises(InputError, match="is a disk of its own and would be replaced"),
    ):
        check(disk)


@pytest.mark.parametrize("name", ["notes.md", "onnx-fp32/notes.md", "reference/notes.md", "a/b/c"])
def test_notes_in_an_earlier_conversion_are_not_lost(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    with building(out) as build:
        (build / "onnx-fp32").mkdir()
        for file in WRITTEN:
            (build / file).write_bytes(REPORT)
    check(out)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).touch()
    with pytest.raises(InputError, match=f"but holds other files than a conversion's, as {name};"):
        check(out)
    (out / name).unlink()
    (out / name).symlink_to("nowhere")
    with pytest.raises(InputError, match=f"as {name};"):
        check(out)


def test_what_is_read_is_not_in_what_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "onnx-fp32").mkdir(parents=True)
    (tmp_path / "link").symlink_to(out / "onnx-fp32")
    check_apart(out, [None, tmp_path / "model.onnx", tmp_path / "out-2" / "model.onnx"])
    for source in (out / "onnx-fp32" / "m.onnx", tmp_path / "link" / "m.onnx", out):
        with pytest.raises(InputError, match=f"but holds {source}, which the conversion reads"):
            check_apart(out, [None, source])


def test_a_working_folder_that_is_gone_is_in_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    check(tmp_path / "out")


_AS_NOBODY = """
import os, sys
from pathlib import Path
from edgeml.errors import EdgemlError
from edgeml_converters.outcome.place import check
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    check(Path(sys.argv[1]))
except EdgemlError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    "case", ["closed", "theirs", "sticky", "unreadable", "under a file", "to be written alone"]
)
def test_what_cannot_be_written_is_told_before_anything_is_made(case: str) -> None:
    if os.geteuid() != 0:
        missing("to become another user needs root")
    with TemporaryDirectory() as folder:  # which others may go through
        place = Path(folder)
        place.chmod(0o755)
        place /= "place"
        place.mkdir()
        out = place / "out"
        if case == "under a file":
            out.touch()
            out = out / "deeper" / "out"
        elif case != "closed":
            out.mkdir()
            out.chmod({"theirs": 0o755, "unreadable": 0o333}.get(case, 0o777))
        rights = {"closed": 0o755, "sticky": 0o1777, "to be written alone": 0o733}
        place.chmod(rights.get(case, 0o777))
        command = [sys.executable, "-c", _AS_NOBODY, str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"StorageError {out} could not be written: "), done


def test_what_no_list_names_is_nobodys(tmp_path: Path) -> None:
    """Files in a variant's folder were taken for the conversion's where its report had no list."""
    plain = {**json.loads(REPORT), "files": []}
    (tmp_path / "report.json").write_text(json.dumps(plain))
    (tmp_path / "onnx-fp32").mkdir()
    (tmp_path / "onnx-fp32" / "mine").touch()
    with pytest.raises(InputError, match="holds other files"):
        check(tmp_path)
    plain["files"] = ["report.json", "onnx-fp32/mine"]
    (tmp_path / "report.json").write_text(json.dumps(plain))
    check(tmp_path)


def test_a_pipe_is_no_report(tmp_path: Path) -> None:
    """It was waited for until somebody would write to it."""
    os.mkfifo(tmp_path / "report.json")
    with pytest.raises(InputError, match=r"as report\.json"):
        check(tmp_path)
