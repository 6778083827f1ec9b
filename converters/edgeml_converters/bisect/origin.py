"""Where in the model a tensor comes from, by the names that the exporters write.

    torch.onnx, torch.export   metadata, see `sources`; weights: blocks.0.conv.weight
    torch.onnx, TorchScript    /blocks/blocks.0/conv/Conv_output_0
    litert-torch               pkg.Net/torch.nn.modules.conv.Conv2d=blocks.0;2, fused: A;;B; in
                               files of others pkg.Net/torch.nn.modules.conv.Conv2d_0;2
    TFLiteConverter            functional_1/stem_1/Relu;functional_1/stem_1/convolution
    tf2onnx                    functional_1/stem_1/convolution:0

A source is a PyTorch module path as in named_modules() (blocks.0.conv), or a Keras layer's name,
with the model around it where one is nested in another (block/inner_conv). What belongs to no
layer, such as an addition in the model's own call, has none: "".
"""

import ast
import re
from typing import TYPE_CHECKING

from edgeml_converters.formats.tensors import AROUND

if TYPE_CHECKING:
    import onnx

WITHIN = "="
"""Between a module's class and its path in the module around it: routes/litert_names.py."""
# The route's own wrapper, whose attribute `module` holds the model: routes/torch_tflite.py.
_WRAPPER, _WRAPPED = "Named", "module"
_PARAMETER = re.compile(r"^((?:\w+\.)+)(?:weight|bias)(?:_\w+)?$")
_MINOR = re.compile(r"torch\.nn\.modules\.(activation|batchnorm|dropout)\.[^/]*$")
_CALLED = re.compile(r"(.+)_\d+")
_SCOPES, _CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def source_of(name: str) -> str:
    """The module or layer that the tensor or node `name` comes from, or "" where it says none.

    A fused tensor names several, from which one is chosen: no activation or normalisation if there
    is another, then the deepest, then the last: what TensorFlow names before it was fused into it.
    """
    parts = [part for part in name.split(";") if part]
    return _inside(_source(max(reversed(parts), key=_weight, default="")))


def _inside(path: str) -> str:
    """As the model itself calls it."""
    while path == AROUND or path.startswith(f"{AROUND}."):
        path = path.removeprefix(AROUND).removeprefix(".")
    return path


def _weight(part: str) -> tuple[bool, bool, int]:
    source = _source(part)
    return bool(source), _MINOR.search(part) is None, source.count(".") + source.count("/")


def _source(name: str) -> str:
    if name.startswith("/"):
        return _by_torchscript(name)
    if "/" in name:
        root = name.partition("/")[0]
        return _by_litert(name) if "." in root else _by_keras(name)
    parameter = _PARAMETER.match(name)
    return parameter[1].removesuffix(".") if parameter else ""


def _by_torchscript(name: str) -> str:
    """/blocks/blocks.0/conv/Conv: a child of a container repeats the container's name."""
    path: list[str] = []
    for scope in name.split("/")[1:-1]:
        if path and scope.startswith(f"{path[-1].rpartition('.')[2]}."):
            path.append(scope.partition(".")[2])
        else:
            path.append(scope)
    return ".".join(path)


def _by_litert(name: str) -> str:
    """Each scope is a class with its package, and where it is in the one around it.

    In files of others that is an underscore and the last part of the path; the class then ends at
    its first underscore, and one with an underscore inside keeps its tail.
    """
    first, *scopes = name.split("/")
    root = first.partition(WITHIN)[0].rpartition(".")[2]
    path: list[str] = []
    for scope in scopes:
        _, within, inside = scope.partition(WITHIN)
        if not within:
            kind = scope.rpartition(".")[2]
            inside = kind[kind.index("_", 1) + 1 :] if "_" in kind[1:] else ""
        path += [inside] if inside else []
    if root == _WRAPPER and path[:1] == [_WRAPPED]:
        path = path[1:]
    return ".".join(path)


def _by_keras(name: str) -> str:
    """Keras opens each layer's scope twice, so that its name ends in _1 or more; ops' do not."""
    path_and_op = name.removeprefix("StatefulPartitionedCall/").split("/")
    root, scopes = path_and_op[0], path_and_op[1:-1]
    if not _CALLED.fullmatch(root):
        return scopes[0] if scopes else ""  # Keras 2 writes names as they are
    path: list[str] = []
    for scope in scopes:
        layer = _CALLED.fullmatch(scope)
        if layer is None:
            break
        path.append(layer[1])
    return "/".join(path)


def sources(model: "onnx.ModelProto") -> dict[str, str]:
    """Each tensor and node -> its module path, as torch.export's exporter says in its metadata.

    Call it before the metadata is stripped, which is done because it leaks paths and source lines.
    """
    paths: dict[str, str] = {}
    for node in model.graph.node:
        metadata = {item.key: item.value for item in node.metadata_props}
        if _SCOPES not in metadata:
            continue
        # The last is the op; the others are module paths, each inside of the one before.
        names: list[str] = ast.literal_eval(metadata[_SCOPES])
        classes: list[str] = ast.literal_eval(metadata.get(_CLASSES, "[]"))
        path = names[-2] if len(names) > 1 and names[0] == "" else ""
        if "torch.nn.modules.batchnorm." in " ".join(classes[-2:]):
            # A convolution that a normalisation was folded into has the latter's name.
            path = next(filter(None, map(source_of, node.input)), path)
        path = _inside(path)
        paths |= {name: path for name in (node.name, *node.output) if name}
    return paths
