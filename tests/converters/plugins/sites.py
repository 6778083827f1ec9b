"""Packages as pip leaves them, models to try them on, and the reports of a conversion."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.conversion import ConversionReport, VariantReport


def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the commands that are started from here on."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), before))))


def broken(site: Path, kind: str, code: str, name: str = "x") -> Path:
    """A package as pip leaves it, with one entry point."""
    site.mkdir()
    (site / "broken_example.py").write_text(code)
    about = site / "broken_example-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-example\nVersion: 0.1\n")
    entries = f"[edgeml.{kind}]\n{name} = broken_example:IT\n"
    if "COARSE" in code:  # so that there is something to repair
        entries += "[edgeml.comparisons]\ncoarse = broken_example:COARSE\n"
    (about / "entry_points.txt").write_text(entries)
    return site


def _model(path: Path, nodes: list[onnx.NodeProto], width: int, **weights: Any) -> Path:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def mixture(path: Path) -> Path:
    """Six shares that add up to 1."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["y"], axis=1),
    ]
    return _model(path, nodes, 6, w=rng.normal(size=(8, 6)).astype(np.float32))


def lenient(precision: str = "fp32,int8") -> tuple[str, ...]:
    """Options by which edgeml's own figures forgive int8 everything."""
    figure = "y:noise-of-an-unknown-output"
    return "--precision", precision, "--output", "y=unknown", "--tolerance", f"{figure}=0.99"


def double(path: Path) -> Path:
    """y = w x, w as float64 in the file."""
    nodes = [
        helper.make_node("Cast", ["w"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "single"], ["y"]),
    ]
    return _model(path, nodes, 8, w=np.eye(8) * 2)


def report_of(text: str) -> ConversionReport:
    return msgspec.json.decode(text, type=ConversionReport)


def variants_of(text: str) -> tuple[VariantReport, ...]:
    return report_of(text).variants
