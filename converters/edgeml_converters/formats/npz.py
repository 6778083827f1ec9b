"""Arrays between processes, as a plain .npz."""

import struct
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeml import atomic
from edgeml.parity.blocks import chunks
from edgeml_converters.formats.tensors import Array, Arrays

MAPPED_BYTES = 1 << 28
"""Arrays above it are left in their file, where nothing compresses them."""
# Of a member's local header: its length without names, and where it has their two lengths.
_LOCAL_BYTES = 30
_LENGTHS = struct.Struct("<26x2H")


def save(path: Path, arrays: Arrays) -> None:
    """Writes them by name; raises StorageError when the disk is full."""
    try:
        # numpy.savez would leave its archive open at an error and complain of it later.
        with path.open("wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.save(member, array, allow_pickle=False)
    except OSError as error:
        raise atomic.storage_error(path, error) from error


def load(path: Path, mapped_bytes: int | None = None) -> dict[str, Array]:
    """What `save` or numpy.savez wrote.

    mapped_bytes: larger arrays are not read but mapped, as copies that may be written to, so that
    the file must stay as it is; None reads all. Raises ValueError, OSError, EOFError, KeyError or
    BadZipFile for what is no such file.
    """
    arrays: dict[str, Array] = {}
    with path.open("rb") as stream:
        archive: Any = np.load(stream, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise TypeError("one bare array")
        for key in archive.files:
            member = _member(path, archive.zip, key, mapped_bytes)
            arrays[key] = np.asarray(archive[key]) if member is None else member
    return arrays


def _member(
    path: Path, archive: zipfile.ZipFile, key: str, mapped_bytes: int | None
) -> Array | None:
    """The array in its place, None where it is to be read."""
    names = archive.namelist()
    info = archive.getinfo(key if key in names else f"{key}.npy")
    if mapped_bytes is None or info.file_size <= mapped_bytes:
        return None
    if info.compress_type != zipfile.ZIP_STORED:
        return None
    with path.open("rb") as stream:
        stream.seek(info.header_offset)
        lengths = _LENGTHS.unpack(stream.read(_LOCAL_BYTES))
        stream.seek(info.header_offset + _LOCAL_BYTES + sum(lengths))
        form: Any = np.lib.format
        first = form.read_magic(stream) == (1, 0)
        read_header = form.read_array_header_1_0 if first else form.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        start = stream.tell()
    if dtype.hasobject:
        return None
    order: Literal["F", "C"] = "F" if fortran else "C"
    mapped: Array = np.memmap(path, dtype=dtype, mode="c", offset=start, shape=shape, order=order)
    return mapped


def rows_of(array: Array, rows: npt.NDArray[np.intp], file: Path) -> Array:
    """Some rows of an array; where they are many, in a new `file` from which they are mapped."""
    if array.nbytes // max(1, len(array)) * len(rows) <= MAPPED_BYTES:
        return array[rows]
    try:
        shape = (len(rows), *array.shape[1:])
        open_memmap: Any = np.lib.format.open_memmap
        target: Array = open_memmap(file, "w+", array.dtype, shape)
        for piece in chunks(target):
            target[piece] = array[rows[piece]]
    except OSError as error:
        raise atomic.storage_error(file, error) from error
    return target
