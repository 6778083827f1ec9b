"""Models in MLflow's registry, through its REST interface.

https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from edgeml.errors import InputError
from edgeml_converters.sources.registries.mlmodel import model_file
from edgeml_converters.sources.registries.rest import Server

_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_API = "api/2.0/mlflow"
_ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
_DEPTH = 16  # of folders in a model; a SavedModel in MLflow has 4


class _Version(msgspec.Struct):
    name: str
    version: str
    run_id: str | None = None
    status: str = "READY"


class _VersionAnswer(msgspec.Struct):
    model_version: _Version


class _Place(msgspec.Struct):
    artifact_uri: str


class _Entry(msgspec.Struct):
    path: str
    is_dir: bool = False


class _Listing(msgspec.Struct):
    files: list[_Entry] = []


def fetch(uri: str, downloads: Path) -> tuple[Path, dict[str, str]]:
    """The model's file or SavedModel, downloaded below `downloads`, and its origin.

    uri: models:/NAME@ALIAS or models:/NAME/VERSION. The server is MLFLOW_TRACKING_URI, or
    MLFLOW_REGISTRY_URI for the registry where that is another. Raises InputError for what is not
    there or not allowed, FetchError when a server does not answer, StorageError.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise InputError(
            f"mlflow:{uri} names no model; write mlflow:models:/NAME@ALIAS or "
            "mlflow:models:/NAME/VERSION."
        )
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    registry = Server(os.environ.get("MLFLOW_REGISTRY_URI") or tracking)
    version = _version(registry, unquote(match["name"]), match["alias"], match["version"])
    named = {"name": version.name, "version": version.version}
    place = registry.get(f"{_API}/model-versions/get-download-uri", named, _Place).artifact_uri
    folder = _folder(place, tracking, downloads, uri)
    origin = {"mlflow_model": version.name, "mlflow_version": version.version}
    if version.run_id:
        origin["mlflow_run"] = version.run_id
    return model_file(folder, uri), origin


def _version(registry: Server, name: str, alias: str | None, version: str | None) -> _Version:
    if alias is not None:
        query = {"name": name, "alias": unquote(alias)}
        answer = registry.get(f"{_API}/registered-models/alias", query, _VersionAnswer)
    else:
        query = {"name": name, "version": version or ""}
        answer = registry.get(f"{_API}/model-versions/get", query, _VersionAnswer)
    if answer.model_version.status != "READY":
        raise InputError(
            f"Version {answer.model_version.version} of {name} is {answer.model_version.status} in "
            "MLflow's registry, not READY; wait or register it again."
        )
    return answer.model_version


def _folder(place: str, tracking: str, downloads: Path, uri: str) -> Path:
    """The folder of the model's artifacts on this machine."""
    parts = urlsplit(place)
    if parts.scheme in ("", "file") and Path(unquote(parts.path)).is_dir():
        return Path(unquote(parts.path))  # the server's disk is this machine's
    if parts.scheme != "mlflow-artifacts":
        raise InputError(
            f"{uri} lies at {parts.scheme or 'file'}://{parts.netloc}{parts.path}, which edgeml "
            "does not read; run 'mlflow artifacts download --artifact-uri' and name the file, or "
            "start 'mlflow server' with --serve-artifacts."
        )
    server = Server(_on_host(tracking, parts.netloc) if parts.netloc else tracking)
    _download(server, parts.path.strip("/"), downloads, _DEPTH)
    return downloads


def _on_host(tracking: str, netloc: str) -> str:
    """The tracking server's address on another host, which serves artifacts alone."""
    return urlsplit(tracking)._replace(netloc=netloc).geturl()


def _download(server: Server, root: str, into: Path, depth: int) -> None:
    for entry in server.get(_ARTIFACTS, {"path": root}, _Listing).files:
        if entry.path in ("", ".", "..") or "/" in entry.path or "\\" in entry.path or depth == 0:
            raise InputError(
                f"MLflow's server {server.host} lists {entry.path!r} in {root}, which is no "
                "name of a file in a model; look at the model on the server."
            )
        if entry.is_dir:
            _download(server, f"{root}/{entry.path}", into / entry.path, depth - 1)
        else:
            server.download(f"{_ARTIFACTS}/{root}/{entry.path}", into / entry.path)
