"""ONNX and TFLite files as models. Their own answers are those of an engine without optimisation:
each node as it stands in the file, without fusion, folding or delegates."""

from pathlib import Path
from typing import ClassVar

from edgeml.errors import EngineError, InputError
from edgeml_converters.asked import Asked
from edgeml_converters.formats.edges import RealEngine
from edgeml_converters.formats.onnx_read import external_files, read_graph
from edgeml_converters.formats.tensors import Array, Arrays, FileTensor, ModelInput
from edgeml_converters.frameworks.base import Model
from edgeml_runtime.engines.base import Engine
from edgeml_runtime.engines.onnx import OnnxEngine
from edgeml_runtime.engines.tflite import LitertEngine


class FileModel(Model):
    """path: the file, which the routes read. Raises InputError when the engine refuses it."""

    engine_class: ClassVar[type[Engine]]

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            engine = self.engine_class(path, optimisation="disabled")
        except EngineError as error:  # here it is no device's fault, but the file's
            raise InputError(str(error)) from error
        self._engine = RealEngine(engine, path)
        self.inputs = tuple(_declared(path, tensor) for tensor in self._engine.inputs)
        self.batch = 1 if any(i.shape and i.shape[0] for i in self.inputs) else None

    def _predict(self, arrays: Arrays) -> dict[str, Array]:
        return self._engine.run(arrays)


class OnnxModel(FileModel):
    framework = "onnx"
    form = "onnx-file"
    engine_class = OnnxEngine


class TfliteModel(FileModel):
    framework = "tflite"
    form = "tflite-file"
    engine_class = LitertEngine


def load_onnx(path: Path, asked: Asked | None = None, scratch: Path | None = None) -> Model:
    """Raises InputError for weights outside the file's folder, before an engine reads them.

    scratch: a folder for the file whose samples are moved to the first axis.
    """
    external_files(read_graph(path), path)
    if scratch is None or asked is None:
        return OnnxModel(path)
    from edgeml_converters.frameworks.onnx_adapted import adapted

    return OnnxModel(adapted(path, asked, scratch))


def load_tflite(path: Path) -> Model:
    return TfliteModel(path)


def _declared(path: Path, tensor: FileTensor) -> ModelInput:
    """Raises InputError for an input whose first axis cannot be the sample."""
    if not tensor.shape:
        raise InputError(
            f"{path.name} takes the single number {tensor.name!r}, which has no axis for the "
            "samples; make it a constant of the model."
        )
    if tensor.shape[0] not in (-1, 1):
        raise InputError(
            f"The input {tensor.name!r} of {path.name} is frozen to {tensor.shape[0]} on its first "
            "axis, which must be the sample; export it with a free first axis or with batch 1."
        )
    return tensor.as_input()
