from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.errors import InputError
from edgeml.quantisation import Quantisation
from edgeml_converters.formats.tensors import ModelInput
from edgeml_converters.sources.data import bind, casts, read
from edgeml_converters.sources.rows import spread

X = ModelInput(name="x", dtype="float32", shape=(None, 3))
Y = ModelInput(name="y")
N = ModelInput(name="x", dtype="uint8", shape=(None, 3))
OPTIONAL = ModelInput(name="scale", required=False)
ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_inputs_expected_and_labels_are_told_apart(tmp_path: Path) -> None:
    labels = np.array([1, 0])
    data = read(saved(tmp_path, x=ROWS, labels=labels, **{"expected/out": ROWS * 2}))
    assert list(data.inputs) == ["x"]
    assert data.expected["out"].tolist() == (ROWS * 2).tolist()
    assert data.labels is not None and data.labels.tolist() == [1, 0]
    assert data.samples == 2


def test_one_lone_array_serves_one_input_whatever_its_name(tmp_path: Path) -> None:
    data = read(saved(tmp_path, anything=ROWS))
    assert list(bind(data, [X])) == ["x"]
    assert list(bind(data, [X, OPTIONAL])) == ["x"]


def test_inputs_are_bound_by_name_in_the_order_of_the_call(tmp_path: Path) -> None:
    data = read(saved(tmp_path, y=ROWS, scale=ROWS, x=ROWS))
    assert list(bind(data, [X, Y, OPTIONAL])) == ["x", "y", "scale"]


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"labels": np.zeros(2)}, "holds no input"),
        ({"x": np.zeros((0, 3))}, "hold no sample"),
        ({"x": np.full((2, 3), np.nan)}, "holds 6 NaN or infinite"),
        ({"x": ROWS, "expected/out": np.array([1, np.inf])}, "holds 1 NaN or infinite"),
        ({"x": ROWS, "labels": np.zeros(3)}, "same number of samples, but have x 2, labels 3"),
        ({"x": np.array(["a", "b"])}, "only floats, integers and booleans"),
        ({"x": np.array(1.0)}, "first axis must be the sample"),
        ({"x": np.array([{}, {}], dtype=object)}, "not a readable .npz"),
    ],
)
def test_bad_data_is_refused(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(saved(tmp_path, **arrays))


def test_what_is_no_npz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no data file"):
        read(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("x = 1")
    with pytest.raises(InputError, match="not a readable"):
        read(tmp_path / "text.npz")
    np.save(tmp_path / "bare.npy", ROWS)
    with pytest.raises(InputError, match="one bare array"):
        read(tmp_path / "bare.npy")
    whole = saved(tmp_path, x=np.zeros((100, 3))).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a readable"):
        read(tmp_path / "cut.npz")


@pytest.mark.parametrize(
    ("arrays", "wanted", "sentence"),
    [
        ({"x": ROWS.astype(np.int32)}, [X], "must be float32, but is int32"),
        ({"x": ROWS * 1e300}, [X], "holds numbers that float32, which the model takes, does not"),
        ({"x": ROWS.astype(int) + 300}, [N], "'x' holds 305, but the file takes uint8"),
        ({"x": ROWS[:, :2]}, [X], r"must have shape \[\?, 3\], but has \[2, 2\]"),
        ({"x": ROWS[0]}, [X], r"must have shape \[\?, 3\]"),
        ({"x": ROWS, "z": ROWS}, [X], "inputs are x, but .* holds x, z"),
        ({"x": ROWS}, [X, Y], "inputs are x, y, but"),
        ({"a": ROWS, "b": ROWS}, [X, Y], "inputs are x, y, but"),
    ],
)
def test_data_for_another_model_is_refused(
    tmp_path: Path, arrays: dict[str, Any], wanted: list[ModelInput], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        bind(read(saved(tmp_path, **arrays)), wanted)


@given(st.integers(1, 5000), st.integers(1, 200))
def test_the_holdout_is_bounded_distinct_and_spread_over_all_samples(
    samples: int, limit: int
) -> None:
    rows = spread(samples, limit)
    assert len(rows) == min(samples, limit) == len(set(rows.tolist()))
    assert rows[0] == 0
    if len(rows) > 1:
        assert rows[-1] == samples - 1
        gaps = np.diff(rows)
        assert gaps.max() - gaps.min() <= 1


def test_a_folder_of_arrays_is_mapped_and_says_the_same(tmp_path: Path) -> None:
    arrays = {"x": ROWS, "labels": np.array([1, 0]), "expected/out": ROWS * 2}
    folder = tmp_path / "data"
    (folder / "expected").mkdir(parents=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    data, other = read(folder), read(saved(tmp_path, **arrays))
    assert isinstance(data.inputs["x"], np.memmap)
    assert list(data.inputs) == list(other.inputs) and list(data.expected) == list(other.expected)
    np.testing.assert_array_equal(data.inputs["x"], ROWS)
    first = data.sha256()
    np.save(folder / "x.npy", ROWS + 1)
    assert read(folder).sha256() != first


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no .npy file; save one for each input"),
        ({"x.npy": b"no array"}, "is not a readable .npy of a plain array"),
        ({"x.npy": np.array([{}])}, "is not a readable .npy of a plain array"),
        ({"x.npy": ROWS * np.nan}, "holds 6 NaN or infinite numbers"),
        ({"x.npy": ROWS, "y.npy": ROWS[:1]}, "one and the same number of samples"),
    ],
)
def test_a_folder_that_is_no_data_is_refused(
    tmp_path: Path, files: dict[str, Any], sentence: str
) -> None:
    for name, content in files.items():
        if isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
        else:
            np.save(tmp_path / name, content)
    with pytest.raises(InputError, match=sentence):
        read(tmp_path)


@pytest.mark.parametrize(
    ("given", "wanted", "floats", "cast"),
    [
        ("float64", X, None, "float32"),
        ("float64", Y, "float32", "float32"),
        ("float32", Y, "float32", None),
        ("float64", Y, None, None),  # nobody says what it takes
        ("int64", Y, "float32", None),
        ("int64", N, None, "uint8"),
    ],
)
def test_numbers_are_cast_to_the_width_that_the_model_takes_with_a_word(
    tmp_path: Path, given: str, wanted: ModelInput, floats: str | None, cast: str | None
) -> None:
    data = read(saved(tmp_path, only=ROWS.astype(given)))
    bound = bind(data, [wanted], floats)
    assert bound[wanted.name].dtype.name == (cast or given)
    assert bound[wanted.name].tolist() == ROWS.tolist()
    said = f"is {given} in data.npz and was cast to {cast}, as the model takes it."
    assert [sentence.partition(" ")[2] for sentence in casts(data, bound)] == [said] * bool(cast)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("int8", ", as the file takes it, which stands for floats by its scale and zero point."),
        (
            "int64",
            " and was taken for the int8 of the file, which stands for floats by its scale and "
            "zero point.",
        ),
    ],
)
def test_integers_that_stand_for_floats_are_taken_with_a_word(
    tmp_path: Path, given: str, said: str
) -> None:
    edge = ModelInput(name="n", dtype="int8", shape=None, quantisation=Quantisation(scale=0.5))
    data = read(saved(tmp_path, n=np.arange(6, dtype=given)[:, None]))
    bound = bind(data, [edge], None)
    assert bound["n"].ravel().tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert casts(data, bound, [edge]) == (f"'n' is {given} in data.npz{said}",)
