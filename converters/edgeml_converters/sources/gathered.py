"""Samples that a callable yields, one after another, written to a folder of .npy files.

In the worker process: it is the user's own code, and may need a framework.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Array, as_array


def gather(samples: object, label: str, folder: Path) -> None:
    """Writes what each sample holds by name to one .npy a name, first axis the sample.

    samples: an iterable of dicts, of arrays or tensors of one sample, without an axis for more.
    label: as people named it. Memory holds one sample at a time. Raises InputError for anything
    else, and for samples of which one is not like the first.
    """
    if not isinstance(samples, Iterable):
        raise InputError(
            f"{label} returned a {type(samples).__name__} as data; let it yield samples, each a "
            "dict of arrays by name."
        )
    first: dict[str, Array] = {}
    count = 0
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for count, sample in enumerate(samples, 1):
            arrays = _arrays(sample, count, label)
            if not files:
                first = arrays
                files = {
                    name: stack.enter_context(_raw(folder, place).open("wb"))
                    for place, name in enumerate(arrays)
                }
            _check_alike(arrays, first, count, label)
            for name, array in arrays.items():
                files[name].write(array.tobytes())
    if not count:
        raise InputError(f"{label} yielded no sample; let it yield at least one.")
    for place, (name, array) in enumerate(first.items()):
        _finish(_raw(folder, place), folder / f"{name}.npy", (count, *array.shape), array)


def _raw(folder: Path, place: int) -> Path:
    return folder / f"{place}.raw"


def _arrays(sample: object, count: int, label: str) -> dict[str, Array]:
    if not isinstance(sample, Mapping) or not sample:
        raise InputError(
            f"Sample {count} of {label} is a {type(sample).__name__}; yield a dict of arrays by "
            "the names of inputs, labels and expected/NAME."
        )
    return {str(name): as_array(value) for name, value in sample.items()}


def _check_alike(
    arrays: Mapping[str, Array], first: Mapping[str, Array], count: int, label: str
) -> None:
    if arrays.keys() != first.keys():
        raise InputError(
            f"Sample {count} of {label} holds {', '.join(arrays)} where the first holds "
            f"{', '.join(first)}; yield the same names in each."
        )
    for name, array in arrays.items():
        expected = first[name]
        if (array.dtype, array.shape) != (expected.dtype, expected.shape):
            raise InputError(
                f"{name!r} in sample {count} of {label} is {array.dtype.name} {list(array.shape)} "
                f"where the first is {expected.dtype.name} {list(expected.shape)}; yield samples "
                "of one dtype and shape."
            )


def _finish(raw: Path, target: Path, shape: tuple[int, ...], array: Array) -> None:
    """The raw numbers behind a header of .npy."""
    form: Any = np.lib.format
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream, raw.open("rb") as numbers:
        header = {"descr": form.dtype_to_descr(array.dtype), "fortran_order": False, "shape": shape}
        form.write_array_header_2_0(stream, header)
        shutil.copyfileobj(numbers, stream)
    raw.unlink()
