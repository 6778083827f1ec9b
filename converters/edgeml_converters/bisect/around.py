"""What makes a tensor and what takes it, by the names by which quantisation leaves ops in float."""

from dataclasses import dataclass
from pathlib import Path

from edgeml.manifest import Format


@dataclass(frozen=True)
class Around:
    """Names for messages.Quantise.keep_float: nodes in ONNX, output tensors of ops in TFLite.

    maker: empty for an input of the model, or where the node has no name.
    """

    maker: str
    takers: tuple[str, ...]


def around(form: Format, entry: Path, tensor: str) -> Around:
    """The ops around `tensor` in the float file `entry`; reads it, runs nothing."""
    return (_in_onnx if form == "onnx" else _in_tflite)(entry, tensor)


def _in_onnx(entry: Path, tensor: str) -> Around:
    from edgeml_converters.onnx_external import read_graph

    nodes = read_graph(entry).graph.node
    return Around(
        maker=next((node.name for node in nodes if tensor in node.output), ""),
        takers=tuple(node.name for node in nodes if tensor in node.input and node.name),
    )


def _in_tflite(entry: Path, tensor: str) -> Around:
    from edgeml_converters.lint import tflite_file

    ops = tflite_file.read(entry).subgraphs[0]
    makes = [op for op in ops if any(made.name == tensor for made in op.outputs)]
    takes = [op for op in ops if any(t is not None and t.name == tensor for t in op.inputs)]
    return Around(
        maker=makes[0].outputs[0].name if makes else "",
        takers=tuple(op.outputs[0].name for op in takes if op.outputs),
    )
