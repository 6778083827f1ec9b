"""The ops around a tensor, by the names under which quantisation keeps an op in float."""

from dataclasses import dataclass
from pathlib import Path

from edgeml.manifest import Format
from edgeml_converters.formats.ops import ops_of


@dataclass(frozen=True)
class Around:
    """Names for messages.Quantise.keep_float: nodes in ONNX, output tensors of ops in TFLite.

    maker: the op that computes the tensor; empty for an input of the model.
    givers: the ops that compute the maker's inputs. takers: the ops that take the tensor.
    """

    maker: str
    givers: tuple[str, ...] = ()
    takers: tuple[str, ...] = ()


def around(form: Format, entry: Path, tensor: str) -> Around:
    """The ops around `tensor` in the float file `entry`; reads it, runs nothing."""
    ops = ops_of(form, entry)
    maker = next((op for op in ops if tensor in op.outputs), None)
    maker_inputs = set(maker.inputs) if maker else set[str]()
    return Around(
        maker=maker.name if maker else "",
        givers=tuple(op.name for op in ops if maker_inputs & set(op.outputs)),
        takers=tuple(op.name for op in ops if tensor in op.inputs),
    )
