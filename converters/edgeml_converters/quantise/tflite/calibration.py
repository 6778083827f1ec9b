"""Ranges of the activations of a .tflite file over samples.

litert-quantizer's own calibration knows only the extremes of each call and stops at a loop (Keras'
GRU and LSTM), whose result has no memory of its own after the call. This one gives loops no ranges:
what is in them and what takes their result stays float, with int8 weights.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeml.integers import as_taken
from edgeml_converters.formats.tensors import Array
from edgeml_converters.formats.tflite_edit import activations, op_name, read, tensor_name
from edgeml_converters.quantise.activations import STANDS_FOR_INFINITY, Activation, bounds_of
from edgeml_converters.quantise.correction import Mean
from edgeml_converters.quantise.tflite.biases import Place, places

# What never answers with it, so that the lowest of 256 steps may stand for it.
_MAXIMA = ("MAX_POOL_2D", "MAXIMUM", "REDUCE_MAX")


@dataclass(frozen=True)
class Seen:
    """activations: by the name of the tensor. means: of what layers take."""

    activations: dict[str, Activation]
    means: dict[Place, Mean]


def calibrate(content: bytes, samples: Mapping[str, Array]) -> Seen:
    """What is seen of each float activation that has a range.

    None has that holds infinities, as what a mask puts in: in int8 what is masked would count.
    """
    model = read(content)
    means: dict[Place, Mean] = {place: Mean() for place in places(model)}
    widths: dict[str, list[int]] = {}
    for name, width in means:
        widths.setdefault(name, []).append(width)
    seen: dict[str, Activation] = {}
    unbounded: set[str] = set()
    for name, value in _activations(content, samples):
        if not value.size:
            continue
        if bounds := bounds_of(value):
            for width in widths.get(name, ()):
                # A picture as it is, whose shape is asked for.
                as_parted = value if value.shape[-1] == width else value.reshape(-1, width)
                means[name, width].add(as_parted)
        else:
            unbounded.add(name)
            value = value[np.abs(value) < STANDS_FOR_INFINITY]
            bounds = bounds_of(value)
        if bounds:
            seen.setdefault(name, Activation()).add(value, bounds)
    masked = unbounded - _of_maxima(model) if unbounded else set[str]()
    return Seen(
        {name: activation for name, activation in seen.items() if name not in masked},
        {place: mean for place, mean in means.items() if place[0] in seen.keys() - unbounded},
    )


def _of_maxima(model: Any) -> set[str]:
    """The tensors that nothing takes but maxima."""
    of_maxima: set[str] = set()
    others: set[str] = set()
    for subgraph in model.subgraphs:
        for op in subgraph.operators:
            names = {tensor_name(subgraph.tensors[int(i)]) for i in op.inputs if i >= 0}
            taken = of_maxima if op_name(model, op) in _MAXIMA else others
            taken |= names
    return of_maxima - others


def _activations(content: bytes, samples: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every float tensor that the main graph computes, for one sample after the other."""
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    computed = set(activations(read(content)))
    inputs = _inputs(interpreter)
    tensors = [t for t in interpreter.get_tensor_details() if t["name"] in computed]
    for row in range(len(next(iter(samples.values())))):
        for name, detail in inputs.items():
            value = as_taken(name, samples[name][row : row + 1], np.dtype(detail["dtype"]).name)
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        for tensor in tensors:
            try:
                value = interpreter.get_tensor(tensor["index"])
            except ValueError:
                continue  # memory that the interpreter has given back
            yield tensor["name"], value


def _inputs(interpreter: Any) -> dict[str, Any]:
    """The details of each input, by the names that the engines use."""
    if len(interpreter.get_signature_list()) == 1:
        details = interpreter.get_signature_runner().get_input_details()
        return dict(details)
    return {detail["name"]: detail for detail in interpreter.get_input_details()}
