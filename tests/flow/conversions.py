"""Folders as `edgeml convert` leaves them, made by hand around tiny ONNX models.

The model of version V answers V for every sample (its arg max is V), so each answer shows which
version gave it.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edgeml import atomic, digests, documents, holdout
from edgeml.contract import Contract, Tensor
from edgeml.conversion import (
    ConversionReport,
    EngineParity,
    Provenance,
    RouteTried,
    VariantReport,
)
from edgeml.packing import pack
from edgeml.parity.answers import OutputParity
from tests.holdouts import shipped_holdout

CLASSES = 10
VARIANT = "onnx-fp32"


def model(version: int, features: int, hidden: int) -> onnx.ModelProto:
    """x [batch, features] -> logits [batch, CLASSES], the largest of them at `version`."""
    rng = np.random.default_rng(version)
    bias = np.zeros(CLASSES, np.float32)
    bias[version] = 1000
    weights = {
        "w1": rng.normal(size=(features, hidden)).astype(np.float32) / features,
        "w2": rng.normal(size=(hidden, CLASSES)).astype(np.float32) / hidden,
        "bias": bias,
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("MatMul", ["b", "w2"], ["c"]),
            helper.make_node("Add", ["c", "bias"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", features])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def data(features: int, samples: int = 16) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(samples, features)).astype(np.float32)


def conversion(
    folder: Path, version: int, *, features: int = 16, hidden: int = 64, damaged: bool = False
) -> Path:
    """Writes the folder; `damaged` scales the first weights after the holdout was made, and the
    report says nothing of it."""
    x = data(features)
    proto = model(version, features, hidden)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    logits = np.asarray(session.run(None, {"x": x})[0])
    if damaged:
        first = numpy_helper.to_array(proto.graph.initializer[0])
        proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(first * 5000, "w1"))
    entry = f"{VARIANT}/model.onnx"
    atomic.write(folder / entry, proto.SerializeToString())
    variant = VariantReport(
        id=VARIANT,
        format="onnx",
        precision="fp32",
        answer="same",
        routes=(RouteTried(route="by hand"),),
        engines=(
            EngineParity(
                engine="onnxruntime",
                version=onnxruntime.__version__,
                outputs=(OutputParity(name="logits", answer="same", max_abs=0.0),),
                answer="same",
            ),
        ),
        files=(entry,),
        sha256={entry: digests.sha256_file(folder / entry)},
        entry=entry,
        inputs={"x": "x"},
        outputs={"logits": "logits"},
    )
    contract = Contract(
        inputs=(Tensor(name="x", dtype="float32", shape=("batch", features), range=(-5.0, 5.0)),),
        outputs=(Tensor(name="logits", dtype="float32", shape=("batch", CLASSES)),),
    )
    written = {
        "contract.json": documents.encode(contract),
        "holdout.npz": holdout.encode(
            shipped_holdout(
                {"x": x}, {"logits": logits}, {(VARIANT, "onnxruntime"): {"logits": logits}}
            )
        ),
        "report.json": documents.encode(
            ConversionReport(
                source="by hand", framework="onnx", samples=len(x), variants=(variant,), tools={}
            )
        ),
        "provenance.json": documents.encode(
            Provenance(
                source="by hand",
                source_sha256=None,
                data_sha256="0" * 64,
                git_commit=None,
                git_dirty=None,
                tools={},
            )
        ),
    }
    for name, content in written.items():
        atomic.write(folder / name, content)
    return folder


def package(
    folder: Path,
    version: int,
    *,
    features: int = 16,
    hidden: int = 64,
    damaged: bool = False,
    blob_bytes: int = 128_000,
    name: str = "tiny",
) -> Path:
    """The package `name` of this version, in `folder`."""
    source = conversion(
        folder / f"conversion-{name}-{version}",
        version,
        features=features,
        hidden=hidden,
        damaged=damaged,
    )
    target = folder / f"{name}-{version}.edgeml"
    pack(source, name, str(version), target, blob_bytes=blob_bytes)
    return target


def replay_file(folder: Path, features: int = 16) -> Path:
    path = folder / "replay.npz"
    np.savez(path, x=data(features, samples=64))
    return path
