"""JSON and files from MLflow's server, by the standard library."""

import base64
import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from edgeml import atomic
from edgeml.errors import FetchError, InputError

Answer = TypeVar("Answer", bound=msgspec.Struct)
_TIMEOUT_SECONDS = 60.0  # without a byte
_PIECE_BYTES = 1 << 20
_ERROR_BYTES = 64 << 10  # of the body of an error
_ANSWER_BYTES = 64 << 20


class _Complaint(msgspec.Struct):
    message: str = ""


class Server:
    """An MLflow server, asked with the credentials that MLflow's own client finds in `environment`.

    uri: http or https, perhaps with a path and with user:password@. Raises InputError otherwise.
    """

    def __init__(self, uri: str, environment: Mapping[str, str] = os.environ) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                f"MLflow's server must be an http or https address, but MLFLOW_TRACKING_URI is "
                f"{uri!r}; set it to the address of 'mlflow server'."
            )
        self.host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, self.host, parts.path.rstrip("/"), "", ""))
        user = unquote(parts.username or "") or environment.get("MLFLOW_TRACKING_USERNAME")
        password = unquote(parts.password or "") or environment.get("MLFLOW_TRACKING_PASSWORD")
        token = environment.get("MLFLOW_TRACKING_TOKEN")
        self._authorization: str | None = None
        if user and password:
            encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._authorization = f"Basic {encoded}"
        elif token:
            self._authorization = f"Bearer {token}"
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=_tls(environment))
        )

    def get(self, path: str, query: Mapping[str, str], kind: type[Answer]) -> Answer:
        """The server's answer to GET `path`.

        Raises InputError when the server refuses the request, FetchError when it does not answer.
        """
        with self._answer(f"{path}?{urlencode(query)}") as stream:
            body = stream.read(_ANSWER_BYTES)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.host} does not answer as an MLflow server does; check MLFLOW_TRACKING_URI."
            ) from error

    def download(self, path: str, into: Path) -> None:
        """The file at `path`, whole. Raises as `get` does, and StorageError."""
        with self._answer(quote(path)) as stream, atomic.replacing(into) as file:
            received = 0
            while piece := self._read(stream):
                file.write(piece)
                received += len(piece)
            promised = stream.headers.get("Content-Length")
            if promised is not None and received != int(promised):
                raise FetchError(
                    f"{self.host} sent {received} of {promised} B of {into.name}; try again."
                )

    def _read(self, stream: Any) -> bytes:
        try:
            piece: bytes = stream.read(_PIECE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        return piece

    @contextmanager
    def _answer(self, path: str) -> Generator[Any]:
        request = urllib.request.Request(f"{self._base}/{path}")
        if self._authorization is not None:
            # Not to wherever the server may redirect to.
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            stream = self._opener.open(request, timeout=_TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        with stream:
            yield stream

    def _silent(self, error: Exception) -> FetchError:
        reason = getattr(error, "reason", None) or error
        return FetchError(
            f"MLflow's server {self.host} does not answer ({reason}); check MLFLOW_TRACKING_URI "
            "and the network."
        )

    def _refused(self, error: urllib.error.HTTPError) -> InputError | FetchError:
        if error.code in (401, 403):
            return InputError(
                f"MLflow's server {self.host} does not let you in ({error.code}); set "
                "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
            )
        message = _message(error) or error.reason
        if error.code >= 500 or error.code == 429:
            return FetchError(
                f"MLflow's server {self.host} failed ({error.code} {message}); try again later."
            )
        return InputError(
            f"MLflow's server {self.host} refused ({error.code} {message.rstrip('.')}); check the "
            "model's name, version and alias."
        )


def _message(stream: IO[bytes]) -> str:
    """What MLflow says in the body of an error, in one line."""
    try:
        message = msgspec.json.decode(stream.read(_ERROR_BYTES), type=_Complaint).message
    except (msgspec.DecodeError, UnicodeDecodeError, OSError, http.client.HTTPException):
        return ""  # a proxy's page; the status says enough
    return next(iter(message.splitlines()), "")


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext:
    authority = environment.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None
    own = environment.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None
    try:
        context = ssl.create_default_context(cafile=authority)
        if own is not None:
            context.load_cert_chain(own)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"A certificate for MLflow's server cannot be read ({error}); check "
            "MLFLOW_TRACKING_SERVER_CERT_PATH and MLFLOW_TRACKING_CLIENT_CERT_PATH."
        ) from error
    if environment.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
