"""Where a model comes from: a callable, a saved file, a folder, or a registry that holds one."""

import os
import re
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from edgeml import digests
from edgeml.documents import Strict
from edgeml.errors import InputError
from edgeml_converters.sources.kinds import FORMS, FileKind, check_weights, kind_of

Kind = Literal["module", "file"] | FileKind

_CALLABLE = re.compile(r"(?P<where>.+):(?P<attribute>[A-Za-z_]\w*)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Source(Strict, frozen=True, kw_only=True):
    """location: a module's name, or the absolute path of a file or folder.

    attribute: the callable that returns the model, or the signature of a SavedModel; empty for
        files that hold one model themselves.
    weights: the absolute path of a state dict for what the callable returns.
    label: the source as reports name it, without the folders of this machine.
    origin: what a registry says of it: mlflow_model, mlflow_version, mlflow_run or dvc_md5.
    """

    kind: Kind
    location: str
    label: str
    attribute: str = ""
    weights: str | None = None
    origin: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The file or folder, None for a module."""
        return None if self.kind == "module" else Path(self.location)

    def sha256(self) -> str | None:
        """Of the file, or of the sorted digests of a folder's files; None for a module.

        The weights that an .onnx file keeps beside it count as one folder with it.
        """
        path = self.path
        if path is None:
            return None
        if path.is_dir():
            return digests.sha256_files(path, (file for file in path.rglob("*") if file.is_file()))
        if self.kind == "onnx":
            from edgeml_converters.formats import onnx_read

            beside = onnx_read.external_files(onnx_read.read_graph(path), path)
            if beside:
                return digests.sha256_files(path.parent, [path, *beside])
        return digests.sha256_file(path)

    def weights_sha256(self) -> str | None:
        return None if self.weights is None else digests.sha256_file(Path(self.weights))


def parse(text: str, weights: str | Path | None = None, downloads: Path | None = None) -> Source:
    """What `text` on the command line names; raises InputError when it is no source of a model.

    weights: a state dict, also as dvc:PATH, for a callable that builds a model without them.
    downloads: an empty folder for what MLflow sends; it must outlive the source. Raises FetchError
    when a registry does not answer.
    """
    source = _parse(text, downloads)
    return source if weights is None else _with_weights(source, str(weights))


def parse_callable(text: str) -> Source | None:
    """module:callable or file.py:callable; None for what is none, or is a file that exists."""
    if Path(text).exists() or _CALLABLE.fullmatch(text) is None:
        return None
    return _callable(text)


def _parse(text: str, downloads: Path | None) -> Source:
    registry, _, name = text.partition(":")
    if registry == "mlflow":
        from edgeml_converters.sources.registries import mlflow

        if downloads is None:
            raise ValueError("a source in MLflow needs a folder for downloads")
        path, origin = mlflow.fetch(name, downloads)
        return replace(_on_disk(path), label=text, origin=origin)
    if registry == "dvc":
        from edgeml_converters.sources.registries import dvc

        path = Path(name)
        origin = {"dvc_md5": dvc.verify(path)}
        return replace(_on_disk(path), label=f"dvc:{path.name}", origin=origin)
    path = Path(text)
    if path.exists():
        return _on_disk(path)
    folder, _, signature = text.rpartition(":")
    if folder and Path(folder).is_dir():
        source = _on_disk(Path(folder))
        return replace(source, attribute=signature, label=f"{source.label}:{signature}")
    return _callable(text)


def _on_disk(path: Path) -> Source:
    kind = kind_of(path)
    place = Path(os.path.abspath(path))  # a link keeps its own name, and so its suffix
    return Source(kind=kind, location=str(place), label=place.name)


def _callable(text: str) -> Source:
    match = _CALLABLE.fullmatch(text)
    if match is None:
        raise InputError(f"There is no model at {text}; SOURCE is {FORMS}.")
    where, attribute = match["where"], match["attribute"]
    if where.endswith(".py"):
        file = Path(where)
        if not file.is_file():
            raise InputError(f"There is no Python file {where}; SOURCE is {FORMS}.")
        return Source(
            kind="file",
            location=str(file.resolve()),
            attribute=attribute,
            label=f"{file.name}:{attribute}",
        )
    if not _MODULE.fullmatch(where):
        raise InputError(f"{where!r} is neither a file nor a module's name; SOURCE is {FORMS}.")
    return Source(kind="module", location=where, attribute=attribute, label=text)


def _with_weights(source: Source, text: str) -> Source:
    path = Path(text.removeprefix("dvc:"))
    origin: dict[str, str] = {}
    if text.startswith("dvc:"):
        from edgeml_converters.sources.registries import dvc

        origin = {"dvc_md5": dvc.verify(path)}
    if source.kind not in ("module", "file"):
        raise InputError(
            f"{source.label} holds its own weights, but {path.name} was given as --weights; leave "
            "one of them out."
        )
    check_weights(path)
    return replace(
        source,
        weights=str(path.resolve()),
        label=f"{source.label}+{path.name}",
        origin=origin,
    )
