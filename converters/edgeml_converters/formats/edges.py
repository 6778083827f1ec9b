"""An engine asked and answering in real numbers, be the inputs and outputs of its file integers."""

from dataclasses import replace
from pathlib import Path

from edgeml_converters.formats.tensors import Array, Arrays, FileTensor
from edgeml_runtime.engines.base import Engine, TensorSpec

_INTEGERS = ("int8", "uint8", "int16", "uint16")


class RealEngine:
    """inputs, outputs: as the file declares them, with what their integers stand for.

    path: the file that `engine` has open.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        signature = engine.signature
        specs = (*signature.inputs, *signature.outputs)
        if engine.format == "onnx" and any(spec.dtype in _INTEGERS for spec in specs):
            from edgeml_converters.formats.onnx_edges import edges
            from edgeml_converters.formats.onnx_read import read_graph

            known = edges(read_graph(path).graph)
            specs = tuple(replace(spec, quantisation=known.get(spec.name)) for spec in specs)
        tensors = tuple(map(_tensor, specs))
        self.inputs = tensors[: len(signature.inputs)]
        self.outputs = tensors[len(signature.inputs) :]

    def run(self, feeds: Arrays) -> dict[str, Array]:
        """As the engine's; floats for integers that stand for some are rounded to them."""
        inputs = {one.name: one for one in self.inputs}
        answers = self._engine.run(
            {name: inputs[name].as_taken(a) if name in inputs else a for name, a in feeds.items()}
        )
        restored = {one.name: one.quantisation for one in self.outputs}
        return {
            name: array if (means := restored[name]) is None else means.reals(array)
            for name, array in answers.items()
        }


def _tensor(spec: TensorSpec) -> FileTensor:
    return FileTensor(
        name=spec.name, dtype=spec.dtype, shape=spec.shape, quantisation=spec.quantisation
    )
