from pathlib import Path

import pytest

from edgeml import documents
from edgeml.conversion import ConversionReport
from edgeml.errors import InputError
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
