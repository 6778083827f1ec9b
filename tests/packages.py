"""Small packages made by hand: any bytes as the variant's file, so no engine is needed."""

from pathlib import Path

import numpy as np

from edgeml import documents, holdout, package
from edgeml.contract import Contract, Tensor
from edgeml.manifest import Manifest, Requirement, Variant
from tests.holdouts import shipped_holdout

CONTRACT = Contract(
    inputs=(Tensor(name="x", dtype="float32", shape=("batch", 4)),),
    outputs=(Tensor(name="y", dtype="float32", shape=("batch", 2)),),
)


def tiny_package(
    folder: Path,
    version: str = "1",
    *,
    name: str = "tiny",
    model_bytes: bytes = b"no real model",
    blob_bytes: int = 1024,
    contract: Contract = CONTRACT,
) -> Path:
    """Writes NAME-VERSION.edgeml with one variant, onnx-fp32, whose file is `model_bytes`."""
    answers = {"y": np.zeros((3, 2), np.float32)}
    samples = shipped_holdout(
        {"x": np.zeros((3, 4), np.float32)}, answers, {("onnx-fp32", "onnxruntime"): answers}
    )
    entry = "variants/onnx-fp32/model.onnx"
    members: dict[str, bytes | Path] = {
        "contract.json": documents.encode(contract),
        "holdout.npz": holdout.encode(samples),
        entry: model_bytes,
        "provenance.json": b"{}",
    }
    files = {
        path: package.describe(path, data, blob_bytes)
        for path, data in members.items()
        if isinstance(data, bytes)
    }
    manifest = Manifest(
        name=name,
        version=version,
        blob_bytes=blob_bytes,
        contract=files["contract.json"],
        holdout=files["holdout.npz"],
        variants=(
            Variant(
                id="onnx-fp32",
                format="onnx",
                precision="fp32",
                entry=entry,
                files=(files[entry],),
                inputs={"x": "x"},
                outputs={"y": "y"},
                requires=(Requirement(engine="onnxruntime", version="1.20"),),
            ),
        ),
        reports=(),
        provenance=files["provenance.json"],
    )
    target = folder / f"{name}-{version}.edgeml"
    package.write(target, manifest, members)
    return target
