"""What a file or folder holds, by its name and its first bytes; nothing is loaded."""

import zipfile
from pathlib import Path
from typing import Literal

from edgeml.errors import InputError

FileKind = Literal["exported-program", "torchscript", "keras", "saved-model", "onnx", "tflite"]

_SUFFIXES: dict[str, FileKind] = {
    ".pt2": "exported-program",
    ".pt": "torchscript",
    ".pth": "torchscript",
    ".ts": "torchscript",
    ".jit": "torchscript",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".onnx": "onnx",
    ".tflite": "tflite",
}
_ZIPPED = (".pt2", ".pt", ".pth", ".ts", ".jit", ".keras")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_TFLITE = b"TFL3"  # a flatbuffer's identifier, behind the offset of its root
WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
FORMS = (
    "module:callable, file.py:callable, a .pt2 program, a TorchScript .pt, a .keras or .h5 file, a "
    "SavedModel folder or FOLDER:SIGNATURE, a .onnx or .tflite file, mlflow:models:/NAME@ALIAS or "
    "dvc:PATH"
)


def kind_of(path: Path) -> FileKind:
    """The kind of a file or folder that exists; raises InputError when it is no whole model."""
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved-model"
        raise InputError(
            f"The folder {path} holds no saved_model.pb, so it is no SavedModel; SOURCE is {FORMS}."
        )
    if path.suffix == ".py":
        raise InputError(f"{path} needs the callable that returns the model: {path}:NAME.")
    if path.suffix == ".safetensors":
        raise InputError(
            f"{path} holds weights without a model; name the callable that builds it as SOURCE and "
            "this file as --weights."
        )
    kind = _SUFFIXES.get(path.suffix)
    if kind is None:
        raise InputError(f"{path} is of no known kind; SOURCE is {FORMS}.")
    if path.suffix in _ZIPPED and not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is not a whole {path.suffix} file (no zip archive); save the model again."
        )
    _check_start(path)
    if kind == "torchscript" and not holds_code(path):
        raise InputError(
            f"{path} holds no TorchScript code, only pickled objects, which are not loaded; name "
            "the callable that builds the model as SOURCE and this state dict as --weights, or "
            "save the model with torch.export.save or torch.jit.save."
        )
    return kind


def check_weights(path: Path) -> None:
    """Raises InputError when `path` cannot be a state dict."""
    if not path.is_file():
        raise InputError(f"There are no weights at {path}; give the file of a state dict.")
    if path.suffix not in WEIGHTS:
        raise InputError(
            f"{path} is of no known kind of weights; give a state dict as {', '.join(WEIGHTS)}."
        )


def _check_start(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(8)
    valid = {".h5": start == _HDF5, ".hdf5": start == _HDF5, ".tflite": start[4:] == _TFLITE}
    if not start or not valid.get(path.suffix, True):
        raise InputError(
            f"{path} is not a whole {path.suffix} file (it begins with {start.hex(' ') or 'none'}"
            "); save the model again."
        )


def holds_code(path: Path) -> bool:
    """Whether a .pt file is TorchScript; else it is nothing but pickled objects."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())
