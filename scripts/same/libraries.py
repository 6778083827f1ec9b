"""What libraries give anew at each run, held still in both commits alike.

tf2onnx puts its nodes into sets, in the order of which it names and numbers the tensors of an ONNX
file (`Graph.extract_sub_graph_nodes`). A node's hash is its address, which no PYTHONHASHSEED fixes,
so one Keras model gives another file each time. In a copy that both commits import nodes are
numbered as they are made, as edgeml itself does it since it knows of that. Where tf2onnx takes an
Einsum apart it writes addresses into names, here numbers.

protobuf orders its maps by the address of a static variable, and with them TensorFlow the inputs
and outputs of a SavedModel's signature. One layout of memory gives one order.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

ONE_LAYOUT = ("setarch", "-R")  # before a command
_NUMBERED = """

from itertools import count

_numbers, _initialise = count(), Node.__init__


def _numbered(self, *arguments, **options):
    self._number = next(_numbers)
    _initialise(self, *arguments, **options)


Node.__init__, Node.__hash__ = _numbered, lambda self: self._number
"""
_NUMBERS = """

_NUMBERS = {}


def _number(it):
    return _NUMBERS.setdefault(id(it), (it, len(_NUMBERS)))[1]
"""
# Package -> file -> what is replaced in it, and what is added at its end.
_MENDED = {
    "tf2onnx": {
        "graph.py": ((), _NUMBERED),
        "optimizer/einsum_optimizer.py": (
            (
                ("'einsum%d_%s' % (id(self),", "'einsum%d_%s' % (_number(self),"),
                ("(method_name, ni, id(self))", "(method_name, ni, _number(self))"),
            ),
            _NUMBERS,
        ),
    },
}
# Results with other libraries are not kept.
HELD_STILL = json.dumps((ONE_LAYOUT, _MENDED))


def write(folder: Path) -> Path:
    """Copies of these packages, to be imported first."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, files in _MENDED.items():
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{name} is not installed; run scripts/test once.")
        shutil.copytree(Path(spec.origin).parent, folder / name)
        for file, (replaced, added) in files.items():
            path = folder / name / file
            text = path.read_text()
            for old, new in replaced:
                if old not in text:
                    raise SystemExit(f"{name}/{file} has no {old!r} any more; mend same/libraries.")
                text = text.replace(old, new)
            path.write_text(text + added)
    return folder
