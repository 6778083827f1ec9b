"""Whether the onnxruntime that is installed takes a file's opset at all."""

from collections.abc import Iterator
from typing import Literal

import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from edgeml.faults import Fault, Finding

ONNX_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
# onnxruntime promises nothing below: its own warning, in core/graph/model.cc.
OLDEST_OPSET = 7


def unsupported_opset(model: onnx.ModelProto) -> Iterator[Finding]:
    versions = {item.domain: item.version for item in model.opset_import}
    opset = versions.get("", versions.get("ai.onnx"))
    engine = f"onnxruntime {onnxruntime.__version__}"
    what = ", ".join(
        f"opset {version} of {domain or 'ai.onnx'}"
        for domain, version in versions.items()
        if domain in ONNX_DOMAINS
    )
    if not _takes(model):
        yield _finding("error", f"{engine} does not take {what} in IR version {model.ir_version}; "
                       "export for an older opset.")  # fmt: skip
    elif opset is not None and opset < OLDEST_OPSET:
        yield _finding("warning", f"{engine} promises nothing for opset {opset}, only from "
                       f"{OLDEST_OPSET} on; raise it with onnx.version_converter.")  # fmt: skip


def _takes(model: onnx.ModelProto) -> bool:
    """Whether onnxruntime opens an empty graph with the model's opsets and IR version."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    empty = helper.make_model(
        helper.make_graph([], "empty", [value], [value]),
        ir_version=model.ir_version,
        opset_imports=[item for item in model.opset_import if item.domain in ONNX_DOMAINS],
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(
            empty.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Fail:
        return False
    return True


def _finding(severity: Literal["error", "warning"], message: str) -> Finding:
    return Finding(
        fault=Fault.UNSUPPORTED_OPSET,
        severity=severity,
        message=message,
        engines=("onnxruntime",),
    )
