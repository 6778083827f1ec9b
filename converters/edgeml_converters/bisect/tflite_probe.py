"""Every float tensor of a .tflite file, seen by an interpreter that keeps them all."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgeml.integers import as_taken
from edgeml.quantisation import Quantisation
from edgeml_converters.bisect.probe import Place, Probe, wide
from edgeml_converters.formats import tflite_read
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.formats.tflite_read import Op, Tensor

ENGINES = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
_FLOATS = {"float32", "float16", "float64"}
_INTEGERS = {"int8", "uint8", "int16"}


class TfliteProbe(Probe):
    """Quantised tensors are shown as what they stand for: scale * (value - zero point)."""

    def __init__(self, path: Path, engine: str) -> None:
        file = tflite_read.read(path)
        self._interpreter: Any = open_interpreter(
            engine, model_path=str(path), experimental_preserve_all_tensors=True
        )
        self._interpreter.allocate_tensors()
        self._inputs = _input_indices(self._interpreter)
        self._tensors: dict[str, Tensor] = {}
        places: list[Place] = []
        in_memory = _in_memory(file)
        for tensor, op in _computed(file):
            shown = tensor.index in in_memory and _is_shown(tensor)
            if shown and tensor.name not in self._tensors:
                self._tensors[tensor.name] = tensor
                made_by = op.name if op else "Input"
                places.append(Place(tensor.name, made_by, _hints(tensor, op), tensor.type))
        self.places = tuple(places)
        self._by_index = {tensor.index: tensor for tensor in file.inputs}

    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        for name, array in feeds.items():
            tensor = self._by_index[self._inputs[name]]
            self._interpreter.set_tensor(tensor.index, _quantised(array, tensor))
        self._interpreter.invoke()
        return {
            name: _real(self._interpreter.get_tensor(tensor.index), tensor)
            for name, tensor in self._tensors.items()
        }


def open_interpreter(engine: str, **options: Any) -> Any:
    """Without the XNNPACK delegate, which would not keep what is inside of it."""
    library: Any = import_module(f"{ENGINES[engine]}.interpreter")
    return library.Interpreter(
        num_threads=1,
        experimental_op_resolver_type=library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        **options,
    )


def _input_indices(interpreter: Any) -> dict[str, int]:
    """By the names of the signature where the file has one, as the engine does."""
    if len(interpreter.get_signature_list()) == 1:
        details = interpreter.get_signature_runner().get_input_details()
        return {str(name): int(detail["index"]) for name, detail in details.items()}
    return {str(d["name"]): int(d["index"]) for d in interpreter.get_input_details()}


def _computed(file: tflite_read.TfliteFile) -> list[tuple[Tensor, Op | None]]:
    """Each tensor of the main graph that is computed, with its op; the inputs first."""
    inputs: list[tuple[Tensor, Op | None]] = [(tensor, None) for tensor in file.inputs]
    return inputs + [(tensor, op) for op in file.subgraphs[0] for tensor in op.outputs]


def _in_memory(file: tflite_read.TfliteFile) -> set[int]:
    """The tensors that have memory; a tensor that nothing takes, as a loop's counter, has none."""
    taken = [tensor for op in file.subgraphs[0] for tensor in op.inputs if tensor is not None]
    return {tensor.index for tensor in (*taken, *file.inputs, *file.outputs)}


def _is_shown(tensor: Tensor) -> bool:
    quantised = tensor.type in _INTEGERS and len(tensor.scales) == 1
    return not tensor.constant and (tensor.type in _FLOATS or quantised)


def _hints(tensor: Tensor, op: Op | None) -> tuple[str, ...]:
    """The tensor's own name, then its weights': converters rename outputs, but not weights."""
    taken = op.inputs if op else ()
    return (tensor.name, *(t.name for t in taken if t is not None and t.constant))


def _real(array: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    if tensor.type in _FLOATS:
        return wide(array)
    return wide(_means(tensor).reals(array))


def _quantised(array: npt.NDArray[Any], tensor: Tensor) -> npt.NDArray[Any]:
    """A float sample as an integer input takes it."""
    if tensor.type not in _INTEGERS or array.dtype.kind != "f":
        return as_taken(tensor.name, array, tensor.type)
    return _means(tensor).integers(array, tensor.type)


def _means(tensor: Tensor) -> Quantisation:
    return Quantisation(scale=tensor.scales[0], zero_point=tensor.zero_points[0])
