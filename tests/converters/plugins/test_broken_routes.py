"""What a route of another package does wrong is recorded, and the next one is tried."""

from pathlib import Path

import pytest

from tests.converters.commands import convert, write_data
from tests.converters.plugins.sites import broken, double, installed, variants_of

BAD_ROUTES = {
    "nothing": ("return None", "it returned a NoneType and not a Converted"),
    "no-such-file": (
        "return Converted(entry='no.onnx')",
        "its entry 'no.onnx' is no name of a file that it wrote",
    ),
    "another-folder": (
        "return Converted(entry=model.path.__fspath__())",
        "is no name of a file that it wrote",
    ),
    "a-folder": (
        "folder.joinpath('a').mkdir(); return Converted(entry='a')",
        "it made a folder among its files, but a variant has none",
    ),
    "no-model": (
        "folder.joinpath('m.onnx').write_bytes(b'?'); return Converted(entry='m.onnx')",
        "m.onnx is not a whole ONNX model; save it again.",
    ),
}


@pytest.mark.parametrize("fault", BAD_ROUTES)
def test_what_a_route_does_wrong_is_recorded_and_the_next_one_tried(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, error = BAD_ROUTES[fault]
    code = (
        "from edgeml_converters.routes.route import Route\n"
        "from edgeml_converters.steps.messages import Converted\n"
        f"def bad(model, arrays, outputs, folder):\n    {body}\n"
        "IT = Route('Bad', 'onnx', ('onnx-file',), 'broken_example:bad', first=True)"
    )
    installed(broken(tmp_path / "site", "routes", code), monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    bad, good = variants_of(ended.out)[0].routes
    assert bad.route == "x" and error in (bad.error or "")
    assert (good.route, good.error) == ("onnx-as-is", None)
