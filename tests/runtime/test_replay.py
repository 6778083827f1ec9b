"""Replay: which rows, and a record that goes on behind a kill without a gap."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml.errors import InputError, StorageError
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.replay import HEADER, Record, Replay, read_rows
from edgeml_runtime.serving.live import Prediction
from tests.packages import CONTRACT
from tests.runtime_doubles import loaded

ANSWER = Prediction({"y": np.array([[0.0, 3.0, 1.0]])}, "1", 7, 0, 12.34)


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_labels_and_expected_are_no_inputs(tmp_path: Path) -> None:
    x = np.zeros((3, 4), np.float32)
    path = saved(
        tmp_path / "d.npz", **{"x": x, "labels": np.zeros(3), "expected/y": np.zeros((3, 2))}
    )
    assert list(read_rows(path)) == ["x"]


def test_a_lone_array_serves_one_input_whatever_its_name(tmp_path: Path) -> None:
    replay = Replay(saved(tmp_path / "d.npz", image=np.zeros((3, 4), np.float32)))
    assert list(replay.bind(CONTRACT)) == ["x"]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "no array"),
        ({"x": np.zeros(())}, "rows"),
        ({"x": np.zeros((0, 4))}, "rows"),
        ({"x": np.zeros((2, 4)), "z": np.zeros((3, 4))}, "rows"),
        ({"labels": np.zeros(3)}, "no array"),
    ],
)
def test_data_without_rows_is_refused(tmp_path: Path, arrays: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Replay(saved(tmp_path / "d.npz", **arrays))


def test_what_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable"):
        Replay(tmp_path / "d.npz")
    with pytest.raises(InputError, match="no file"):
        Replay(tmp_path / "missing.npz")


def test_names_that_the_model_does_not_have_are_refused(tmp_path: Path) -> None:
    replay = Replay(saved(tmp_path / "d.npz", a=np.zeros((2, 4)), b=np.zeros((2, 4))))
    with pytest.raises(InputError, match="a, b, but the model takes x"):
        replay.bind(CONTRACT)


def test_a_full_disk_ends_the_record_and_not_the_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    path = saved(tmp_path / "d.npz", x=np.zeros((2, 4), np.float32))
    replay = Replay(path)
    replay.record(tmp_path / "r.csv")
    config = Config(
        broker="mqtt://127.0.0.1:1", fleet="f", device="d", models=(Followed("tiny"),),
        store=tmp_path / "store",
    )  # fmt: skip
    with Device(config) as device:
        monkeypatch.setattr(Record, "write", full)
        thread = threading.Thread(target=replay.run, args=(device,))
        thread.start()
        device.live().swap(loaded())
        deadline = time.monotonic() + 30
        predictions = 0
        while predictions < 100:
            found = device.live().take_window()
            predictions += found[1].predictions if found else 0
            assert time.monotonic() < deadline
    thread.join()
    assert capsys.readouterr().err.count("the disk is full") == 1


def test_a_record_goes_on_behind_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    first = Record(path)
    first.write(0, 1000, ANSWER, "ok")
    first.write(1, 2000, None, "failed")
    first.close()
    whole = path.read_text()
    assert whole == f"{HEADER}\n0,0,1000,12.3,1,7,1,ok\n1,1,2000,,,,,failed\n"
    path.write_text(whole + "2,2,30")
    second = Record(path)
    second.write(2, 3000, ANSWER, "ok")
    second.close()
    assert path.read_text() == whole + "2,2,3000,12.3,1,7,1,ok\n"


def test_another_file_is_never_a_record(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.tex"
    precious.write_bytes(b"years of\nwork without a last newline")
    with pytest.raises(InputError, match="is no record of replayed rows"):
        Record(precious)
    assert precious.read_bytes() == b"years of\nwork without a last newline"


def test_a_long_record_goes_on_by_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "record.csv"
    path.write_text(HEADER + "\n" + "".join(f"{n},0,1,2,1,7,1,ok\n" for n in range(5000)))
    record = Record(path)
    record.write(0, 1, None, "failed")
    record.close()
    assert path.read_text().splitlines()[-1] == "5000,0,1,,,,,failed"


def test_rows_of_another_dtype_are_refused_with_the_contracts_sentence(tmp_path: Path) -> None:
    replay = Replay(saved(tmp_path / "d.npz", x=np.zeros((3, 4))))
    with pytest.raises(InputError, match=r"cannot be replayed: .* must be float32, but is float64"):
        replay.bind(CONTRACT)
