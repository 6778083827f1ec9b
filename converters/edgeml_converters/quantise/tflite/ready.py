"""A float .tflite file made ready for litert-quantizer: what the format allows and it does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from edgeml_converters.formats.tflite_edit import is_constant, op_name, read, tensor_name, write
from edgeml_converters.quantise.tflite.answers import part_answers

# Ops with a bias, and the input that takes it.
_BIASES = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}


@dataclass(frozen=True)
class Ready:
    """content: of the file. renamed: old names by the new ones of tensors that shared theirs.

    copies: what is answered by the names of its copies.
    """

    content: bytes
    renamed: dict[str, str]
    copies: dict[str, str]

    def named(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those names of the file as it was, with all that they mean now."""
        also = (*self.renamed.items(), *self.copies.items())
        return (*names, *(new for new, old in also if old in names))


def ready(content: bytes, *, static: bool) -> Ready:
    """The same file with one name for each tensor, biases of one axis, a list of signatures and,
    for static int8, answers that nothing takes.

    litert-quantizer 0.11 tells tensors by their names, raises at a bias of shape [1, n], and walks
    through the signatures of a file that has none.
    """
    model = read(content)
    renamed = _name_once(model)
    for subgraph in model.subgraphs:
        _flatten_biases(model, subgraph)
    model.signatureDefs = model.signatureDefs or []
    copies = part_answers(model) if static else {}
    return Ready(write(model), renamed, copies)


def _name_once(model: Any) -> dict[str, str]:
    """What a file takes and answers keeps its name."""
    taken = {tensor_name(t) for graph in model.subgraphs for t in graph.tensors}
    seen: set[str] = set()
    renamed: dict[str, str] = {}
    for tensor in _tensors(model):
        name = tensor_name(tensor)
        if name in seen:
            number = 2
            while f"{name}_{number}" in taken:
                number += 1
            new = f"{name}_{number}"
            taken.add(new)
            renamed[new] = name
            tensor.name = new.encode()
        seen.add(tensor_name(tensor))
    return renamed


def _tensors(model: Any) -> Iterator[Any]:
    """Each once, those that the main graph takes and answers first."""
    main = model.subgraphs[0]
    first = dict.fromkeys((*map(int, main.inputs), *map(int, main.outputs)))
    for index in first:
        yield main.tensors[index]
    for graph in model.subgraphs:
        for index, tensor in enumerate(graph.tensors):
            if graph is not main or index not in first:
                yield tensor


def _flatten_biases(model: Any, subgraph: Any) -> None:
    """Only those that nothing but layers take as their bias."""
    biases: set[int] = set()
    others: set[int] = set()
    for op in subgraph.operators:
        place = _BIASES.get(op_name(model, op))
        for position, index in enumerate(map(int, op.inputs)):
            (biases if position == place else others).add(index)
    for index in biases - others - {-1}:
        tensor = subgraph.tensors[index]
        sizes = [int(size) for size in tensor.shape]
        if is_constant(model, tensor) and len(sizes) > 1 and max(sizes) == prod(sizes):
            tensor.shape = [max(sizes)]
            tensor.shapeSignature = None
