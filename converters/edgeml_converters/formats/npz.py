"""Arrays between processes, as a plain .npz."""

import zipfile
from pathlib import Path

import numpy as np

from edgeml import atomic
from edgeml_converters.formats.tensors import Array, Arrays


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


def load(path: Path) -> dict[str, Array]:
    """What `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}
