import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml import documents
from edgeml.conversion import ConversionReport
from edgeml.errors import InputError, StorageError
from edgeml_converters.outcome import folder
from edgeml_converters.outcome.folder import REPORT as REPORT_FILE
from edgeml_converters.outcome.folder import building, check
from tests.disks import small

REPORT = documents.encode(
    ConversionReport(source="s", framework="torch", samples=1, variants=(), tools={})
)


def test_a_folder_appears_as_a_whole_and_replaces_an_earlier_conversion(tmp_path: Path) -> None:
    out = tmp_path / "parents" / "out"
    for name, others in (("report.html", []), ("contract.json", ["report.html"])):
        with building(out) as build:
            (build / "report.json").write_bytes(REPORT)
            (build / name).touch()
            assert not (out / name).exists()
            assert not others or (out / others[0]).exists()
        assert sorted(path.name for path in out.iterdir()) == sorted(["report.json", name])
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
        if source.name == "new":
            raise OSError(errno.EIO, "the disk failed")
        return rename(source, target)

    monkeypatch.setattr(folder, "_exchange", lambda *_: False)
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError), building(out) as build:
        (build / "another").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "report.json").read_bytes() == REPORT


def _killed(place: Path, where: str = "") -> Path:
    """What a conversion left that was killed: while it built, or by what `where` sets."""
    code = (
        "import os, pathlib, sys\n"
        "from edgeml_converters.outcome import folder\n"
        "die = lambda *_: os.kill(os.getpid(), 9)\n"
        f"{where}\n"
        "with folder.building(pathlib.Path(sys.argv[1])) as build:\n"
        "    print(build.parent)\n"
        "    sys.stdout.flush()\n"
        f"    (build / 'report.json').write_bytes({REPORT!r})\n"
        f"    {'pass' if where else 'die()'}\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE)
    assert done.returncode == -9
    return Path(done.stdout.decode().strip())


_BETWEEN = """
rename = pathlib.Path.rename
pathlib.Path.rename = lambda a, b: die() if a.name == "new" else rename(a, b)
folder._exchange = lambda *_: False
"""
_AFTER = """
exchange = folder._exchange
folder._exchange = lambda *both: (exchange(*both), die())
"""


@pytest.mark.parametrize("where", ["", "folder._replace = die", _BETWEEN, _AFTER])
def test_a_conversion_that_is_killed_anywhere_loses_nothing(tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    with building(out) as build:
        (build / "report.json").write_bytes(REPORT)
        (build / "holdout.npz").touch()
    left = _killed(out, where)
    assert set(tmp_path.iterdir()) == {left, *([] if where == _BETWEEN else [out])}
    with pytest.raises(KeyError), building(out):
        raise KeyError
    assert list(tmp_path.iterdir()) == [out]
    assert (out / "report.json").read_bytes() == REPORT
    assert (out / "holdout.npz").exists() == (where != _AFTER)  # the earlier one, or the new


def test_what_a_killed_conversion_left_is_removed_by_the_next_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    left = _killed(out)
    people = [tmp_path / f".out.{name}" for name in ("settings", "abcdefgh", "old.abcdefgh")]
    for theirs in people:
        theirs.mkdir()
        (theirs / "years of work").write_text("")
    os.mkfifo(people[0] / ".edgeml-is-writing-this")
    (people[1] / ".edgeml-is-writing-this").mkdir()
    (tmp_path / ".out.linked12").symlink_to(left.rename(tmp_path / "moved"))
    left = _killed(out)
    shutil.copytree(left, tmp_path / ".out.rescued")  # with the mark in it
    _killed(out).rename(tmp_path / ".out.found")
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
        assert [path.name for path in build.parent.iterdir()] == ["new"]
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


def test_people_may_put_things_there_while_it_is_made(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(InputError, match=r"as notes\.md.* What was made now is in .*\.$"),
        building(out) as build,
    ):
        (build / "report.json").write_bytes(REPORT)
        out.mkdir()
        (out / "notes.md").touch()
    (beside,) = set(tmp_path.iterdir()) - {out}
    assert [path.name for path in out.iterdir()] == ["notes.md"]
    assert [path.name for path in beside.iterdir()] == ["report.json"]


def test_notes_beside_an_earlier_conversion_are_not_lost(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with building(out) as build:
        (build / "report.json").write_bytes(REPORT)
    (out / "notes.md").touch()
    with pytest.raises(
        InputError, match=r"but holds other files than a conversion's, as notes\.md"
    ):
        check(out)


@pytest.mark.parametrize("name", ["a" * 200, "a" * 255, "\u00e9" * 120])
def test_any_name_that_a_folder_may_have(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with building(tmp_path / name) as build:
            (build / "report.json").write_bytes(REPORT)
    assert [path.name for path in tmp_path.iterdir()] == [name]


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


def test_a_link_stays_one(tmp_path: Path) -> None:
    place, link = tmp_path / "place", tmp_path / "link"
    link.symlink_to(place)
    for name in ("report.html", "contract.json"):
        with building(link) as build:
            (build / REPORT_FILE).write_bytes(REPORT)
            (build / name).touch()
    assert link.is_symlink()
    assert {path.name for path in place.iterdir()} == {REPORT_FILE, "contract.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"place", "link"}


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
