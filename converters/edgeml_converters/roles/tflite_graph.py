"""What a .tflite file's graph shows of the meaning of its tensors."""

from pathlib import Path

from edgeml_converters.formats.tflite_read import Op, read
from edgeml_converters.roles.graph import Graph, Made, MapKind, Shape

_MOVES = frozenset(
    "CAST DEQUANTIZE EXPAND_DIMS GATHER QUANTIZE RESHAPE SLICE SPLIT SQUEEZE STRIDED_SLICE "
    "TRANSPOSE UNPACK".split()
)
_MAPS: dict[str, MapKind] = {
    "SOFTMAX": "softmax",
    "LOG_SOFTMAX": "log-softmax",
    "LOGISTIC": "sigmoid",
    "L2_NORMALIZATION": "unit vectors",
}


def read_tflite(path: Path) -> Graph:
    """Raises InputError when it is no whole .tflite file."""
    file = read(path)
    ops = file.subgraphs[0]
    tensors = [t for op in ops for t in (*op.inputs, *op.outputs) if t is not None]
    shapes: dict[str, Shape] = {t.name: tuple(size or None for size in t.shape) for t in tensors}
    makers = {t.name: made for op in ops if (made := _made(op)) for t in op.outputs}
    return Graph(makers, shapes)


def _made(op: Op) -> Made | None:
    names = tuple(tensor.name for tensor in op.inputs if tensor is not None)
    if op.kind == "SPLIT":  # its first input is the axis
        names = names[::-1]
    if op.kind in _MOVES:
        return Made("moved", names[:1], turned=op.kind in ("RESHAPE", "TRANSPOSE"))
    if op.kind == "CONCATENATION":
        return Made("joined", names, int(op.options.axis))
    if op.kind in _MAPS:
        return Made(_MAPS[op.kind], names, -1)
    return None
