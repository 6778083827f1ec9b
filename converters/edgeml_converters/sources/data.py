"""The data: an .npz, or a folder of .npy files, which are not read as a whole.

A key, or a file's name in the folder, is an input's name; `expected/NAME` and `labels` are
optional.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeml import digests
from edgeml.contract import shape_text
from edgeml.errors import ContractError, InputError
from edgeml.integers import are_integers, as_taken
from edgeml.parity.blocks import chunks
from edgeml.quantisation import Quantisation
from edgeml_converters.formats.npz import MAPPED_BYTES, load
from edgeml_converters.formats.tensors import Array, ModelInput


@dataclass(frozen=True)
class Data:
    """Arrays of one and the same number of samples, all finite; first axis the sample.

    path: as people call it; files: the file or folder that holds it.
    slices: the key that --slice-by named, and its value for each sample. sequences: the values of
    the key that --sequence-by named: samples of one value follow one another.
    """

    path: Path
    files: Path
    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    labels: Array | None
    slices: tuple[str, Array] | None = None
    sequences: Array | None = None

    @property
    def samples(self) -> int:
        return len(next(iter(self.inputs.values())))

    @property
    def starts(self) -> tuple[int, ...]:
        """The samples that begin a sequence; the first one without any."""
        return (0,) if self.sequences is None else beginnings(self.sequences)

    def sha256(self) -> str:
        if self.files.is_dir():
            return digests.sha256_files(self.files, _files(self.files))
        return digests.sha256_file(self.files)


def read(
    files: Path,
    slice_by: str | None = None,
    sequence_by: str | None = None,
    called: Path | None = None,
    text: bool = False,
    one_sequence: bool = False,
) -> Data:
    """Raises InputError for data that are missing, no .npz and no folder of .npy files, empty,
    ragged, not finite, or without the keys `slice_by` and `sequence_by`.

    called: what people call the files where it is something else. text: leaves it to `bind` to
    refuse inputs that are text, so that the model can say first why it takes none. one_sequence:
    whether the data may lack `sequence_by`, and are one sequence then.
    """
    path = called or files
    if not files.exists():
        raise InputError(
            f"There is no data file {path}; save one with numpy.savez(FILE, NAME_OF_INPUT=array)."
        )
    arrays = _mapped(files) if files.is_dir() else _arrays(files)
    if one_sequence and sequence_by not in arrays:
        sequence_by = None
    for key, what in ((slice_by, "slice by"), (sequence_by, "tell sequences by")):
        if key is not None and (key not in arrays or arrays[key].ndim != 1):
            raise InputError(
                f"{path} must hold one value of {key!r} for each sample to {what}, but holds "
                f"{', '.join(arrays)}; save it as an array of one axis."
            )
    not_inputs = {"labels", slice_by, sequence_by}
    inputs = {
        k: a for k, a in arrays.items() if k not in not_inputs and not k.startswith("expected/")
    }
    if not inputs:
        raise InputError(
            f"{path} holds no input; save one array for each input of the model, by its name."
        )
    for key, array in arrays.items():
        _check(path, key, array, "fiubU" if key in not_inputs else "fiubUS" if text else "fiub")
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise InputError(
            f"The arrays in {path} must have one and the same number of samples, but have {counts}."
        )
    if 0 in lengths.values():
        raise InputError(f"The arrays in {path} hold no sample; save at least one.")
    prefix = "expected/"
    return Data(
        path=path,
        files=files,
        inputs=inputs,
        expected={k[len(prefix) :]: a for k, a in arrays.items() if k.startswith(prefix)},
        labels=arrays.get("labels"),
        slices=None if slice_by is None else (slice_by, arrays[slice_by]),
        sequences=None if sequence_by is None else arrays[sequence_by],
    )


def beginnings(values: Array) -> tuple[int, ...]:
    """The places at which another value begins than stood before."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    return (0, *changes.tolist())


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.npy"))


def _mapped(folder: Path) -> dict[str, Array]:
    """The arrays of a folder, of which only what is asked for is read."""
    files = _files(folder)
    if not files:
        raise InputError(
            f"{folder} holds no .npy file; save one for each input, as {folder / 'NAME.npy'}."
        )
    arrays: dict[str, Array] = {}
    for file in files:
        try:
            array = np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise InputError(
                f"{file} is not a readable .npy of a plain array; save it with numpy.save."
            ) from error
        arrays[file.relative_to(folder).with_suffix("").as_posix()] = array
    return arrays


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz, of which large ones stay in the file where nothing compresses them."""
    try:
        return load(path, MAPPED_BYTES)
    except TypeError as error:
        raise InputError(
            f"{path} is one bare array; save it with numpy.savez(FILE, NAME=array)."
        ) from error
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(
            f"{path} is not a readable .npz of plain arrays; save it with numpy.savez."
        ) from error


def _check(path: Path, key: str, array: Array, kinds: str) -> None:
    if array.dtype.kind not in kinds:
        raise _no_numbers(path, key, array)
    if array.ndim == 0:
        raise InputError(f"{key!r} in {path} is one number; its first axis must be the sample.")
    if array.dtype.kind == "f":
        bad = sum(int(np.count_nonzero(~np.isfinite(array[rows]))) for rows in chunks(array))
        if bad:
            raise InputError(
                f"{key!r} in {path} holds {bad} NaN or infinite numbers; clean the data."
            )


def _no_numbers(path: Path, key: str, array: Array) -> InputError:
    kind = "text" if array.dtype.kind in "SU" else array.dtype.name
    return InputError(
        f"{key!r} in {path} is {kind}, but only floats, integers and booleans can be given to a "
        "converted model; turn it into numbers before the model."
    )


def bind(data: Data, declared: Sequence[ModelInput], floats: str | None = None) -> dict[str, Array]:
    """The data's arrays by the model's input names, in the order of its call.

    A single array serves a model with a single input, whatever its name. Floats and integers are
    cast to the width that the input declares, floats else to `floats`. Raises InputError when an
    input is missing, unknown to the model, or of another dtype or shape than the model declares.
    """
    required = [model_input for model_input in declared if model_input.required]
    names = [model_input.name for model_input in declared]
    given = dict(data.inputs)
    if len(given) == 1 and len(required or declared) == 1 and not given.keys() & set(names):
        given = {(required or declared)[0].name: next(iter(given.values()))}
    unknown = given.keys() - set(names)
    # Arguments are given by position, so an optional one needs all those before it.
    last = max((i for i, n in enumerate(names) if n in given or declared[i].required), default=-1)
    missing = [name for name in names[: last + 1] if name not in given]
    if unknown or missing:
        raise InputError(
            f"The model's inputs are {', '.join(names)}, but {data.path} holds "
            f"{', '.join(data.inputs)}; a key in it must be an input's name, or labels, "
            "expected/NAME or what --slice-by or --sequence-by names."
        )
    bound = {
        one.name: _cast(data.path, given[one.name], one, floats) for one in declared[: last + 1]
    }
    for model_input in declared[: last + 1]:
        _check_declared(data.path, model_input, bound[model_input.name])
    return bound


def casts(
    data: Data, bound: Mapping[str, Array], declared: Sequence[ModelInput] = ()
) -> tuple[str, ...]:
    """What `bind` cast, a sentence each. declared: the model's inputs, of which some may take
    integers that stand for floats."""
    taken = {one.name: one.dtype for one in declared if one.quantisation is not None}
    sentences: list[str] = []
    for name, array in bound.items():
        given = data.inputs.get(name, next(iter(data.inputs.values())))
        said = f"{name!r} is {given.dtype.name} in {data.path.name}"
        if name in taken and given.dtype.kind in "iu":
            how = f" and was taken for the {taken[name]} of the file"
            if given.dtype.name == taken[name]:
                how = ", as the file takes it"
            sentences.append(f"{said}{how}, which stands for floats by its scale and zero point.")
        elif given.dtype != array.dtype:
            sentences.append(f"{said} and was cast to {array.dtype.name}, as the model takes it.")
    return tuple(sentences)


def _cast(path: Path, array: Array, declared: ModelInput, floats: str | None) -> Array:
    if array.dtype.kind in "SU":
        raise _no_numbers(path, declared.name, array)
    if declared.quantisation is not None:
        return _as_reals(path, array, declared, declared.quantisation)
    dtype = declared.dtype or (floats if array.dtype.kind == "f" else None)
    if dtype is None or dtype == array.dtype.name:
        return array
    if are_integers(dtype, array.dtype.name):
        try:
            return as_taken(declared.name, array, dtype)
        except ContractError as error:
            raise InputError(f"{path.name}: {error}") from error
    if array.dtype.kind != "f" or not dtype.startswith("float"):
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if not np.isfinite(cast).all():
        raise InputError(
            f"{declared.name!r} in {path} holds numbers that {dtype}, which the model takes, does "
            "not hold; scale them."
        )
    return cast


def _as_reals(path: Path, array: Array, declared: ModelInput, quantisation: Quantisation) -> Array:
    """The floats of an input whose integers stand for some; integers are taken for those."""
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype.kind not in "iu" or declared.dtype is None:
        return array
    try:
        return quantisation.reals(as_taken(declared.name, array, declared.dtype))
    except ContractError as error:
        raise InputError(f"{path.name}: {error}") from error


def _check_declared(path: Path, declared: ModelInput, array: Array) -> None:
    dtype = declared.dtype if declared.quantisation is None else "float32"
    if dtype is not None and array.dtype.name != dtype:
        raise InputError(
            f"The input {declared.name!r} must be {dtype}, but is {array.dtype.name} in "
            f"{path}; cast it."
        )
    if declared.shape is None:
        return
    fits = array.ndim == len(declared.shape) and all(
        size is None or axis == 0 or size == length
        for axis, (size, length) in enumerate(zip(declared.shape, array.shape, strict=True))
    )
    if not fits:
        shape = tuple("?" if size is None else size for size in declared.shape)
        raise InputError(
            f"The input {declared.name!r} must have shape {shape_text(shape)}, but has "
            f"{shape_text(array.shape)} in {path}; reshape it."
        )
