import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml import documents
from edgeml.conversion import ConversionReport
from edgeml.errors import InputError, StorageError
from edgeml_converters.outcome.folder import REPORT as REPORT_FILE
from edgeml_converters.outcome.folder import building, check
from tests.disks import small

REPORT = documents.encode(
    ConversionReport(source="s", framework="torch", samples=1, variants=(), tools={})
)


def test_a_folder_appears_as_a_whole_and_replaces_an_earlier_conversion(tmp_path: Path) -> None:
    out = tmp_path / "parents" / "out"
    for text in ("first", "second"):
        with building(out) as build:
            (build / "report.json").write_bytes(REPORT)
            (build / text).write_text(text)
            assert not (out / text).exists()
        assert sorted(path.name for path in out.iterdir()) == sorted(["report.json", text])
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_error_leaves_the_earlier_conversion_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with building(out) as build:
        (build / "report.json").write_bytes(REPORT)
    with pytest.raises(KeyError), building(out) as build:
        (build / "half").write_text("half")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["report.json"]


def test_an_error_between_the_two_renames_brings_the_earlier_conversion_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with building(out) as build:
        (build / "report.json").write_bytes(REPORT)
    rename = Path.rename

    def failing(source: Path, target: Path) -> Path:
        if source.parent == target.parent:  # the new one, and not the old
            raise OSError(errno.EIO, "the disk failed")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError), building(out) as build:
        (build / "another").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "report.json").read_bytes() == REPORT


def _killed(place: Path) -> Path:
    """What a conversion to `place` left that was killed while it built."""
    code = (
        "import os, pathlib, sys\n"
        "from edgeml_converters.outcome.folder import building\n"
        "with building(pathlib.Path(sys.argv[1])) as build:\n"
        "    print(build)\n"
        "    sys.stdout.flush()\n"
        "    (build / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE)
    assert done.returncode == -9
    return Path(done.stdout.decode().strip())


def test_what_a_killed_conversion_left_is_removed_by_the_next_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    left = _killed(out)
    people = [tmp_path / f".out.{name}" for name in ("settings", "abcdefgh", "old.abcdefgh")]
    for folder in people:
        folder.mkdir()
        (folder / "years of work").write_text("")
    os.mkfifo(people[0] / ".edgeml-is-writing-this")
    (people[1] / ".edgeml-is-writing-this").mkdir()
    (tmp_path / ".out.linked12").symlink_to(left.rename(tmp_path / "moved"))
    left = _killed(out)
    kept = set(tmp_path.iterdir()) - {left}
    with building(out) as build:
        assert not left.exists()
        with building(out) as second:  # another at the same time, whose lock is held
            assert build.exists()
            (second / "report.json").write_bytes(REPORT)
        (build / "report.json").write_bytes(REPORT)
    assert set(tmp_path.iterdir()) - {out} == kept
    assert [path.name for path in out.iterdir()] == ["report.json"]


def test_a_disk_without_locks_is_built_on_and_nothing_there_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    left = _killed(tmp_path / "out")
    monkeypatch.setattr("fcntl.flock", none)
    with building(tmp_path / "out") as build:
        assert not list(build.iterdir())
        (build / "report.json").write_bytes(REPORT)
    assert set(tmp_path.iterdir()) == {tmp_path / "out", left}


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


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file"):
        check(tmp_path / "out")


def test_a_link_stays_one(tmp_path: Path) -> None:
    place, link = tmp_path / "place", tmp_path / "link"
    link.symlink_to(place)
    for number in ("1", "2"):
        with building(link) as build:
            (build / REPORT_FILE).write_bytes(REPORT)
            (build / number).touch()
    assert link.is_symlink() and {path.name for path in place.iterdir()} == {REPORT_FILE, "2"}
    assert {path.name for path in tmp_path.iterdir()} == {"place", "link"}


def test_the_folder_that_one_is_in_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"\. is the folder that you are in and would be replaced"):
        check(Path())


def test_a_disk_of_its_own_is_not_replaced(tmp_path: Path) -> None:
    with (
        small(tmp_path / "disk", "64k") as disk,
        pytest.raises(InputError, match="is a disk of its own and would be replaced"),
    ):
        check(disk)
