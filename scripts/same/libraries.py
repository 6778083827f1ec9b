"""What a library gives anew at each run is taken from it, in a copy that both commits import.

tf2onnx puts its nodes into sets, in the order of which it names and numbers the tensors of an ONNX
file (`Graph.extract_sub_graph_nodes`). A node's hash is its address, which no PYTHONHASHSEED fixes,
so one Keras model gives another file each time. With the hash of its name it gives one. Where it
takes an Einsum apart it writes addresses into names, here numbers.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

_NUMBERS = """

_NUMBERS = {}


def _number(it):
    return _NUMBERS.setdefault(id(it), (it, len(_NUMBERS)))[1]
"""
# Package -> file -> what is replaced in it, and what is added at its end.
_MENDED = {
    "tf2onnx": {
        "graph.py": ((), "\n\nNode.__hash__ = lambda self: hash(self.name)\n"),
        "optimizer/einsum_optimizer.py": (
            (
                ("'einsum%d_%s' % (id(self),", "'einsum%d_%s' % (_number(self),"),
                ("(method_name, ni, id(self))", "(method_name, ni, _number(self))"),
            ),
            _NUMBERS,
        ),
    },
}


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
