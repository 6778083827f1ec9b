"""Each operator of a float file by itself, on inputs that it is given.

The file is cut at every tensor that is given: what took it takes the given one, and what computes
it is an output. One call then answers for each operator what it makes of these very inputs, so that
no error from before it, nor that of a branch beside it, is held against it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.manifest import Format
from edgeml_converters.bisect.probe import wide
from edgeml_converters.formats.tensors import Arrays

_GIVEN = " given"


class Alone(ABC):
    """names: what it answers for, tensors that the file computes."""

    names: tuple[str, ...]

    @abstractmethod
    def run(self, values: Arrays, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        """`names` as float32 or wider, each from what the operator before it is given.

        values: of the tensors that it is cut at, by name. feeds: the model's inputs, of which those
        that are no floats count.
        """


def alone(form: Format, path: Path, cut_at: Mapping[str, str], engine: str = "") -> Alone:
    """The float file cut at these tensors, name -> dtype; engine: one of those for TFLite."""
    if form == "onnx":
        return _OnnxAlone(path, cut_at)
    return _TfliteAlone(path, cut_at, engine or "litert")


class _OnnxAlone(Alone):
    def __init__(self, path: Path, cut_at: Mapping[str, str]) -> None:
        import onnx

        from edgeml_converters.bisect.onnx_probe import open_session
        from edgeml_converters.formats.onnx_read import read_graph
        from edgeml_converters.formats.onnx_walk import rename_taken

        model = read_graph(path)
        graph = model.graph
        computed = [name for node in graph.node for name in node.output if name in cut_at]
        kept = [value for value in graph.input if value.name not in cut_at]
        self._integers = [value.name for value in kept]
        del graph.input[:]
        graph.input.extend(kept)
        graph.input.extend(
            onnx.helper.make_tensor_value_info(
                f"{name}{_GIVEN}", onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None
            )
            for name, dtype in cut_at.items()
        )
        del graph.output[:]
        graph.output.extend(onnx.ValueInfoProto(name=name) for name in computed)
        del graph.value_info[:]
        rename_taken(graph.node, {name: f"{name}{_GIVEN}" for name in cut_at})
        self.names = tuple(computed)
        self._dtypes = cut_at
        self._session: Any = open_session(model, path)

    def run(self, values: Arrays, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        given = {
            f"{name}{_GIVEN}": values[name].astype(dtype, copy=False)
            for name, dtype in self._dtypes.items()
        }
        integers = {name: feeds[name] for name in self._integers}
        answers = self._session.run(list(self.names), given | integers)
        return {
            name: wide(np.asarray(answer)) for name, answer in zip(self.names, answers, strict=True)
        }


class _TfliteAlone(Alone):
    def __init__(self, path: Path, cut_at: Collection[str], engine: str) -> None:
        from edgeml_converters.bisect.tflite_probe import open_interpreter
        from edgeml_converters.formats import tflite_edit

        model: Any = tflite_edit.read(path.read_bytes())
        main = model.subgraphs[0]
        computed = {int(index) for op in main.operators for index in _listed(op.outputs)}
        taken = {int(index) for index in _listed(main.inputs)}
        first: dict[str, int] = {}
        for index in sorted(computed | taken):
            name = tflite_edit.tensor_name(main.tensors[index])
            if name in cut_at:
                first.setdefault(name, index)
        places: dict[int, int] = {}
        for index in first.values():
            places[index] = len(main.tensors)
            main.tensors.append(_given(main.tensors[index]))
        for op in main.operators:
            op.inputs = [places.get(int(index), int(index)) for index in _listed(op.inputs)]
        integers = [index for index in taken if index not in places]
        self._integers = {tflite_edit.tensor_name(main.tensors[i]): i for i in integers}
        self._given = {name: places[index] for name, index in first.items()}
        self._answered = {name: index for name, index in first.items() if index in computed}
        main.inputs = [*integers, *places.values()]
        main.outputs = list(self._answered.values())
        model.signatureDefs = None
        self.names = tuple(self._answered)
        self._interpreter: Any = open_interpreter(engine, model_content=tflite_edit.write(model))
        self._interpreter.allocate_tensors()
        self._dtypes = {
            int(detail["index"]): detail["dtype"]
            for detail in self._interpreter.get_input_details()
        }

    def run(self, values: Arrays, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        for name, index in self._given.items():
            self._interpreter.set_tensor(
                index, values[name].astype(self._dtypes[index], copy=False)
            )
        for name, index in self._integers.items():
            if name in feeds:
                self._interpreter.set_tensor(index, feeds[name].astype(self._dtypes[index]))
        self._interpreter.invoke()
        return {
            name: wide(self._interpreter.get_tensor(index))
            for name, index in self._answered.items()
        }


def _given(tensor: Any) -> Any:
    given = copy(tensor)
    given.name = tensor.name + _GIVEN.encode()
    return given


def _listed(vector: Any) -> list[Any]:
    return [] if vector is None else list(vector)
