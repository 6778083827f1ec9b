"""What a library gives anew at each run is taken from it, in a copy that both commits import.

tf2onnx puts its nodes into sets, in the order of which it names and numbers the tensors of an ONNX
file (`Graph.extract_sub_graph_nodes`). A node's hash is its address, which no PYTHONHASHSEED fixes,
so one Keras model gives another file each time. With the hash of its name it gives one.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

_MENDED = {"tf2onnx": ("graph.py", "\n\nNode.__hash__ = lambda self: hash(self.name)\n")}


def write(folder: Path) -> Path:
    """Copies of these packages, each with lines at the end of one file, to be imported first."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, (file, lines) in _MENDED.items():
        found = find_spec(name)
        if found is None or found.origin is None:
            raise SystemExit(f"{name} is not installed; run scripts/test once.")
        shutil.copytree(Path(found.origin).parent, folder / name)
        with (folder / name / file).open("a") as opened:
            opened.write(lines)
    return folder
