"""One case through OnnxEngine: it passes, or it has a reason from a closed list."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from edgeml.errors import EngineError
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.conformance.cases import Case

PASSED = "passed"
UNNAMED = "without a named reason"
FIRST_OPSET = 7  # the oldest that onnxruntime keeps its kernels for


class Reason(StrEnum):
    """Why a case does not pass. The first group is seen in the model alone, the second when it
    runs, the third is known of each case by its name."""

    TRAINING = "training op"
    PREVIEW = "op in preview"
    NOT_A_TENSOR = "sequence, map or optional"
    TEXT = "text"
    DTYPE = "dtype that numpy does not have"

    OLD_OPSET = "opset below 7"
    NO_KERNEL = "onnxruntime has no kernel"
    ROUNDING = "rounding: within 8 units of the last place of the largest value"
    CRASHED = "onnxruntime ends the process"

    REFUSED = "onnxruntime refuses what the standard allows"
    FAILED = "onnxruntime fails while it runs"
    VALUES = "onnxruntime answers other values"


_NUMBERS = {
    TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BOOL,
    TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64,
    TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64,
}  # fmt: skip

KNOWN: dict[str, Reason] = {
    # Batch-first RNNs: onnxruntime implements layout 0 only.
    "test_gru_batchwise": Reason.REFUSED,
    "test_lstm_batchwise": Reason.REFUSED,
    "test_simple_rnn_batchwise": Reason.REFUSED,
    # A mask shorter than padded keys; a zero point for each channel; the maximum of no booleans.
    "test_attention_4d_diff_heads_mask4d_padded_kv": Reason.FAILED,
    "test_convinteger_with_padding": Reason.FAILED,
    "test_reduce_max_empty_set_bool": Reason.FAILED,
    # Masked scores are the lowest float instead of minus infinity.
    "test_attention_4d_with_past_and_present_qk_matmul_bias_3d_mask_causal": Reason.VALUES,
    "test_attention_4d_with_past_and_present_qk_matmul_bias_4d_mask_causal": Reason.VALUES,
    # It counts the indices in the shape that `output_shape` gives, not in that of the pooling.
    "test_maxunpool_export_with_output_shape": Reason.VALUES,
    # align_corners with scales that give no whole size.
    "test_resize_downsample_scales_cubic_align_corners": Reason.VALUES,
    "test_resize_downsample_scales_linear_align_corners": Reason.VALUES,
    # Dropout in training mode draws from a generator of its own.
    "test_training_dropout": Reason.TRAINING,
    "test_training_dropout_default": Reason.TRAINING,
    "test_training_dropout_default_mask": Reason.TRAINING,
    "test_training_dropout_mask": Reason.TRAINING,
}


def judge(case: Case, folder: Path) -> str:
    """PASSED, a Reason, or UNNAMED with what was seen; the model is written to `folder`."""
    reason = _outside_the_contract(case.model)
    if reason is not None:
        return reason
    path = folder / "model.onnx"
    path.write_bytes(case.model.SerializeToString())
    try:
        seen = _run(case, path)
    except EngineError as error:
        if "it has no kernel of" in str(error):
            return Reason.OLD_OPSET if _opset(case.model) < FIRST_OPSET else Reason.NO_KERNEL
        seen = str(error).replace(str(folder), "")
    if seen in (PASSED, Reason.ROUNDING):
        return seen
    return KNOWN.get(case.name, f"{UNNAMED}: {seen}")


def _outside_the_contract(model: onnx.ModelProto) -> Reason | None:
    """What the contract's tensors cannot be, whatever the engine could do with it."""
    if any(node.domain == "ai.onnx.preview.training" for node in model.graph.node):
        return Reason.TRAINING
    if any(node.domain == "ai.onnx.preview" for node in model.graph.node):
        return Reason.PREVIEW
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            return Reason.NOT_A_TENSOR
        dtype = value.type.tensor_type.elem_type
        if dtype == TensorProto.STRING:
            return Reason.TEXT
        if dtype not in _NUMBERS:
            return Reason.DTYPE
    return None


def _opset(model: onnx.ModelProto) -> int:
    return next((o.version for o in model.opset_import if o.domain == ""), FIRST_OPSET)


def _run(case: Case, path: Path) -> str:
    """PASSED, ROUNDING, or the first difference in words. Raises EngineError."""
    engine = OnnxEngine(path)
    rounded = False
    for inputs, expected in case.sets:
        names = [spec.name for spec in engine.signature.inputs]
        given = [np.asarray(value) for value in inputs]
        found = engine.run(dict(zip(names, given, strict=True)))
        for (name, array), value in zip(found.items(), expected, strict=True):
            wanted = np.asarray(value)
            if array.dtype != wanted.dtype or array.shape != wanted.shape:
                return (
                    f"{name} is {array.dtype}{array.shape}, expected {wanted.dtype}{wanted.shape}"
                )
            if np.allclose(array, wanted, rtol=case.rtol, atol=case.atol, equal_nan=True):
                continue
            if not _is_rounding(array, wanted):
                return f"{name} differs"
            rounded = True
    return Reason.ROUNDING if rounded else PASSED


def _is_rounding(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> bool:
    """Whether a float differs by no more than its width explains, seen from the largest value: the
    cases ask for a relative 0.001 even of an answer that should be 0."""
    if found.dtype.kind != "f" or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return False
    unit = float(np.finfo(found.dtype).eps) * float(np.abs(expected).max())
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
    return bool(difference <= 8 * unit)
