"""MLmodel, the file in which MLflow says what a logged model consists of.

https://mlflow.org/docs/latest/ml/model/#mlmodel-file
"""

from pathlib import Path

import msgspec

from edgeml.errors import InputError
from edgeml_converters.sources.kinds import holds_code
from edgeml_converters.sources.registries import yaml_file

NAME = "MLmodel"


class _Flavour(msgspec.Struct):
    data: str | None = None
    model_data: str | None = None
    saved_model_dir: str | None = None


class _Flavours(msgspec.Struct):
    onnx: _Flavour | None = None
    keras: _Flavour | None = None
    tensorflow: _Flavour | None = None
    pytorch: _Flavour | None = None


class _MLmodel(msgspec.Struct):
    flavors: _Flavours


# Below a flavour's path, in the order of preference; the empty name is the path itself.
_NAMES = ("", "model.pt2", "model.keras", "model.h5", "model", "model.pth")


def model_file(folder: Path, label: str) -> Path:
    """The file or SavedModel in a logged model's folder that a model can be read from.

    Raises InputError when it has none, or only pickled objects.
    """
    file = folder / NAME
    if not file.is_file():
        raise InputError(
            f"{label} holds no {NAME}, so it was not logged as a model; log it with "
            "mlflow.onnx, mlflow.keras, mlflow.tensorflow or mlflow.pytorch."
        )
    flavours = yaml_file.read(file, _MLmodel).flavors
    places = [
        place
        for flavour in (flavours.onnx, flavours.keras, flavours.tensorflow, flavours.pytorch)
        if flavour is not None
        for place in (flavour.saved_model_dir, flavour.data, flavour.model_data)
        if place is not None
    ]
    for place in places:
        for name in _NAMES:
            path = folder / place / name if name else folder / place
            if path.resolve().is_relative_to(folder.resolve()) and _is_model(path):
                _refuse_pickle(path, label)
                return path
    raise InputError(
        f"{label} has no flavour onnx, keras, tensorflow or pytorch with a model in it; log it as "
        "one of these."
    )


def _is_model(path: Path) -> bool:
    return path.is_file() or (path / "saved_model.pb").is_file()


def _refuse_pickle(path: Path, label: str) -> None:
    if path.suffix == ".pth" and not holds_code(path):
        raise InputError(
            f"{label} is a pickled module of PyTorch, which is not loaded, because a pickle may "
            "run any code; log it with mlflow.pytorch.log_model(..., serialization_format='pt2')."
        )
