"""Where a model came from: source, data, checkout and tools."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgeml.conversion import Provenance
from edgeml_converters.plugins import distributions
from edgeml_converters.sources.data import Data
from edgeml_converters.sources.source import Source

_TOOLS = {
    "torch": ("torch", "onnx", "onnxscript", "litert-torch"),
    "tensorflow": ("tensorflow-cpu", "tensorflow", "keras", "onnx", "tf2onnx"),
    "onnx": ("onnx", "onnxruntime"),
    "tflite": ("ai-edge-litert",),
}


def tools(framework: str) -> dict[str, str]:
    """The versions of the installed packages that take part in a conversion, with those of the
    packages that add to it."""
    versions: dict[str, str] = {}
    for name in ("edgeml", "numpy", *_TOOLS[framework]):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions | distributions()


def provenance(source: Source, data: Data, calibration: Data | None, framework: str) -> Provenance:
    commit, dirty = _checkout(source)
    return Provenance(
        source=source.label,
        source_sha256=source.sha256(),
        weights_sha256=source.weights_sha256(),
        origin=source.origin,
        data_sha256=data.sha256(),
        calibration_sha256=None if calibration is None else calibration.sha256(),
        git_commit=commit,
        git_dirty=dirty,
        tools=tools(framework),
    )


def _checkout(source: Source) -> tuple[str | None, bool | None]:
    """The commit of the checkout that holds the source, and whether files in it were changed."""
    folder = Path.cwd() if source.path is None else source.path.parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None, None
    return commit, bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        finished = subprocess.run(
            # Without the locks of `git status`, which else writes the checkout's index again.
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return finished.stdout.strip()
