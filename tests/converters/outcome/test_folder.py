import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml import documents
from edgeml.conversion import ConversionReport
from edgeml.errors import InputError, StorageError
from edgeml_converters.outcome import folder
from edgeml_converters.outcome.claims import remove
from edgeml_converters.outcome.folder import building
from edgeml_converters.outcome.place import REPORT as REPORT_FILE

WRITTEN = ("report.json", "report.html", "contract.json", "holdout.npz", "onnx-fp32/model.onnx")
REPORT = documents.encode(
    ConversionReport(source="s", framework="torch", samples=1, variants=(), tools={}, files=WRITTEN)
)


def _convert(out: Path, *others: str) -> None:
    """A conversion to `out`, with these files besides its report."""
    with building(out) as build:
        _write(build, *others)


def _write(build: Path, *others: str) -> None:
    (build / "report.json").write_bytes(REPORT)
    for name in others:
        (build / name).touch()


def _check_late_notes_are_kept(out: Path) -> None:
    """A conversion to `out`, during which somebody puts notes.md there."""
    with (
        pytest.raises(InputError, match=r"holds notes\.md.* What was made now"),
        building(out) as build,
    ):
        _write(build, "holdout.npz")
    assert sorted(path.name for path in out.iterdir()) == ["notes.md", "report.json"]
    (beside,) = set(out.parent.iterdir()) - {out}
    assert (beside / "holdout.npz").exists()


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
    _convert(out)
    with pytest.raises(KeyError), building(out) as build:
        (build / "half").write_text("half")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["report.json"]


def test_an_error_between_the_two_renames_brings_the_earlier_conversion_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    _convert(out)
    rename = Path.rename

    def failing(source: Path, target: Path) -> Path:
        if source.name == "new":
            raise OSError(errno.EIO, "the disk failed")
        return rename(source, target)

    monkeypatch.setattr(folder, "exchange", _no_exchange)
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


def _no_exchange(*_: Path) -> bool:
    """As on a disk that knows no such."""
    return False


_BETWEEN = """
rename = pathlib.Path.rename
pathlib.Path.rename = lambda a, b: die() if a.name == "new" else rename(a, b)
folder.exchange = lambda *_: False
"""
_AFTER = """
exchange = folder.exchange
folder.exchange = lambda *both: (exchange(*both), die())
"""


@pytest.mark.parametrize("where", ["", "folder._replace = die", _BETWEEN, _AFTER])
def test_a_conversion_that_is_killed_anywhere_loses_nothing(tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    _convert(out, "holdout.npz")
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


@pytest.mark.parametrize("name", ["a" * 200, "a" * 255, "\u00e9" * 120])
def test_any_name_that_a_folder_may_have(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        _convert(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


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


def test_a_folder_keeps_its_rights(tmp_path: Path) -> None:
    """It may be for few, and so may what is in it."""
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o2750)
    _convert(out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o2750


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("name", ["out", "\u00e9" * 125])
def test_what_was_made_is_kept_where_only_its_place_could_not_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, exchanges: bool
) -> None:
    out, rename = tmp_path / name, Path.rename
    _convert(out)

    def busy(*_: Path) -> bool:
        raise OSError(errno.EBUSY, "it is busy")

    def renaming(source: Path, target: Path) -> Path:
        return rename(source, target) if source != out or not busy() else source

    monkeypatch.setattr(folder, "exchange", busy if exchanges else _no_exchange)
    monkeypatch.setattr(Path, "rename", renaming)
    with (
        pytest.raises(StorageError, match=r"it is busy.* What was made now is in"),
        building(out) as build,
    ):
        _write(build, "holdout.npz")
    (beside,) = set(tmp_path.iterdir()) - {out}
    assert sorted(path.name for path in beside.iterdir()) == ["holdout.npz", "report.json"]
    assert [path.name for path in out.iterdir()] == ["report.json"]


def test_the_only_copy_of_an_earlier_conversion_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "out", Path.rename
    _convert(out, "holdout.npz")

    def only_away(source: Path, target: Path) -> Path:
        if source == out:
            return rename(source, target)
        raise OSError(errno.EIO, "the disk failed")

    with monkeypatch.context() as patched:
        patched.setattr(folder, "exchange", _no_exchange)
        patched.setattr(Path, "rename", only_away)
        with pytest.raises(StorageError, match="the disk failed"), building(out) as build:
            (build / "report.json").write_bytes(REPORT)
    assert not out.exists()
    with building(out) as build:
        (build / "report.json").write_bytes(REPORT)
        assert (out / "holdout.npz").exists()  # it was put back
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_put_there_in_the_last_moment_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, exchange = tmp_path / "out", folder.exchange
    _convert(out)

    def late(a: Path, b: Path) -> bool:
        if not (a / "notes.md").exists():
            (out / "notes.md").touch()
        return exchange(a, b)

    monkeypatch.setattr(folder, "exchange", late)
    _check_late_notes_are_kept(out)


def test_what_a_killed_conversion_left_is_of_its_own_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of one may begin as another's does, and its only copy may stand there."""
    out = tmp_path / "m.v2"
    _convert(out)
    left = _killed(out, _BETWEEN)
    assert set(tmp_path.iterdir()) == {left}
    _convert(tmp_path / "m")
    assert set(tmp_path.iterdir()) == {left, tmp_path / "m"}
    _convert(out)
    assert set(tmp_path.iterdir()) == {out, tmp_path / "m"}


def test_where_two_cannot_be_exchanged_nothing_that_comes_late_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "out", Path.rename
    _convert(out)

    def late(source: Path, target: Path) -> Path:
        if source == out:
            (out / "notes.md").touch()
        return rename(source, target)

    monkeypatch.setattr(folder, "exchange", _no_exchange)
    monkeypatch.setattr(Path, "rename", late)
    _check_late_notes_are_kept(out)


def test_what_may_not_be_removed_keeps_its_mark(tmp_path: Path) -> None:
    """Then whoever may remove it knows it."""
    left = _killed(tmp_path / "out")
    with pytest.MonkeyPatch.context() as patched:

        def keeping(path: Path, ignore_errors: bool = False) -> None:
            assert ignore_errors, path

        patched.setattr(shutil, "rmtree", keeping)
        remove(left)
    assert {path.name for path in left.iterdir()} == {"new", ".edgeml-is-writing-this"}
    _convert(tmp_path / "out")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
