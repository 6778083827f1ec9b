"""A conversion says which commit its source is of, and leaves the checkout alone."""

import json
import os
import subprocess
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tests.converters.commands import convert, write_data

GIT = ("git", "-c", "user.name=ada", "-c", "user.email=ada@example.org")


def test_a_checkout_is_only_read(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 8]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", "x", "y")], "g", values[:1], values[1:])
    model = checkout / "model.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), model)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "a model"]):
        subprocess.run([*GIT, *command], cwd=checkout, check=True)
    index = checkout / ".git" / "index"
    os.utime(model, (0, 0))  # so that git has to look at it again, and might keep what it saw
    before = index.stat()
    ended = convert(model, write_data(tmp_path / "d.npz", x=(8,)), tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    after = index.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    known = json.loads((tmp_path / "out" / "provenance.json").read_bytes())
    assert len(known["git_commit"]) == 40 and known["git_dirty"] is False
