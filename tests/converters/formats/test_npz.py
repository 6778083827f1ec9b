"""Arrays that stay in their file."""

from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.formats import npz
from edgeml_converters.frameworks.base import in_chunks

ARRAYS = {
    "x": np.arange(600, dtype=np.float32).reshape(100, 6),
    "turned": np.asfortranarray(np.arange(600).reshape(100, 6)),
    "small": np.arange(3),
    "expected/y": np.ones((100, 2)),
}


@pytest.mark.parametrize("by_numpy", [False, True])
def test_large_arrays_are_mapped_and_hold_the_same(tmp_path: Path, by_numpy: bool) -> None:
    file = tmp_path / "data.npz"
    if by_numpy:
        np.savez(file, **ARRAYS)
    else:
        npz.save(file, ARRAYS)
    found = npz.load(file, mapped_bytes=1000)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert isinstance(found[name], np.memmap) == (array.nbytes > 1000)


def test_what_is_compressed_or_asked_for_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "small.npz", **ARRAYS)
    npz.save(tmp_path / "data.npz", ARRAYS)
    for found in (npz.load(tmp_path / "small.npz", 10), npz.load(tmp_path / "data.npz")):
        assert not any(isinstance(array, np.memmap) for array in found.values())
        np.testing.assert_array_equal(found["x"], ARRAYS["x"])


def test_mapped_arrays_are_given_to_a_model_at_addresses_that_it_takes(tmp_path: Path) -> None:
    """A name of odd length puts the numbers at an odd place of the file."""
    for name in ("x", "xy", "xyz", "four"):
        npz.save(tmp_path / "data.npz", {name: ARRAYS["x"]})
        (mapped,) = npz.load(tmp_path / "data.npz", 10).values()

        def run(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
            (array,) = feeds.values()
            assert array.flags.aligned and array.flags.c_contiguous
            return {"y": array * 2}

        np.testing.assert_array_equal(in_chunks(run, {"x": mapped}, 7)["y"], ARRAYS["x"] * 2)


def test_many_rows_are_copied_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(90)[::-1]
    in_memory = npz.rows_of(ARRAYS["x"], rows, tmp_path / "rows.npy")
    assert not isinstance(in_memory, np.memmap) and not (tmp_path / "rows.npy").exists()
    monkeypatch.setattr(npz, "MAPPED_BYTES", 1000)
    in_file = npz.rows_of(ARRAYS["x"], rows, tmp_path / "rows.npy")
    assert isinstance(in_file, np.memmap)
    np.testing.assert_array_equal(in_file, in_memory)
    assert not isinstance(npz.rows_of(ARRAYS["x"], rows[:3], tmp_path / "few.npy"), np.memmap)
