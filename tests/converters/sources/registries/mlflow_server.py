"""An MLflow server in one thread, which answers as MLflow 3.17.2 was seen to answer.

The answers (status, JSON, error messages, the listing without a path's folder) were recorded from
`mlflow server` with models logged by mlflow.onnx, mlflow.pytorch and mlflow.keras.
"""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
RUN = "ce01ea98a78140a3a23a843691dfadc8"


class Registry:
    """files: the artifacts of version 1 of `digits`, by path. Change what you want otherwise.

    authorization: what a request must carry. asked: the paths of all requests. redirect: where
    every request is sent on to. cut: the file of which half is sent. entry_name: what a listing
    calls every file.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.root = "1/models/m-8cf26882f6364961bd132e10af947ef8/artifacts"
        self.uri = f"mlflow-artifacts:/{self.root}"
        self.status = "READY"
        self.authorization: str | None = None
        self.asked: list[str] = []
        self.redirect: str | None = None
        self.cut: str | None = None
        self.entry_name: str | None = None
        self.url = ""

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if path == f"{API}/registered-models/alias":
            if query["name"] != "digits":
                return _error(404, f"Registered Model with name={query['name']} not found")
            if query["alias"] != "champion":
                return _error(400, f"Registered model alias {query['alias']} not found.")
            return self._version()
        if path == f"{API}/model-versions/get":
            if (query["name"], query["version"]) != ("digits", "1"):
                return _error(
                    404,
                    f"Model Version (name={query['name']}, version={query['version']}) not found",
                )
            return self._version()
        if path == f"{API}/model-versions/get-download-uri":
            return _json({"artifact_uri": self.uri})
        if path == ARTIFACTS:
            return _json(self._listing(query["path"]))
        name = path.removeprefix(f"{ARTIFACTS}/{self.root}/")
        if name in self.files:
            return 200, self.files[name]
        return _error(404, f"No such artifact: {path!r}")

    def _version(self) -> tuple[int, bytes]:
        return _json(
            {
                "model_version": {
                    "name": "digits",
                    "version": "1",
                    "creation_timestamp": 1795615429888,
                    "current_stage": "None",
                    "source": "models:/m-8cf26882f6364961bd132e10af947ef8",
                    "run_id": RUN,
                    "status": self.status,
                    "aliases": ["champion"],
                }
            }
        )

    def _listing(self, path: str) -> object:
        below = path.removeprefix(self.root).strip("/")
        prefix = f"{below}/" if below else ""
        entries: dict[str, object] = {}
        for name, content in sorted(self.files.items()):
            if name.startswith(prefix):
                first, _, rest = name.removeprefix(prefix).partition("/")
                shown = self.entry_name or first
                entries[first] = (
                    {"path": shown, "is_dir": True}
                    if rest
                    else {"path": shown, "is_dir": False, "file_size": len(content)}
                )
        return {"files": list(entries.values())} if entries else {}


def _json(document: object) -> tuple[int, bytes]:
    return 200, json.dumps(document, indent=2).encode()


def _error(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps(
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": message}
    ).encode()


@contextmanager
def serving(registry: Registry) -> Generator[str]:
    """The server's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            registry.asked.append(unquote(parts.path))
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, body = registry.answer(unquote(parts.path), query)
            if registry.authorization not in (None, self.headers["Authorization"]):
                status, body = 401, b"You are not authenticated."
            self.send_response(302 if registry.redirect else status)
            if registry.redirect:
                self.send_header("Location", registry.redirect)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = registry.cut is not None and parts.path.endswith(registry.cut)
            self.wfile.write(body[: len(body) // 2] if cut else body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        registry.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield registry.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
