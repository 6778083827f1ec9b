"""Open Inference Protocol V2 over HTTP, on a TCP port or a Unix socket; from the standard library.

Loading happens elsewhere and never here, so a swap does not hold up a request.
"""

import socket
import socketserver
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self

import msgspec

from edgeml.errors import InputError
from edgeml_runtime.serving.answers import Answers, error
from edgeml_runtime.serving.live import Live

BODY_MAX_BYTES = 16 << 20
_IDLE_SECONDS = 60.0  # a connection on which nothing comes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "edgeml"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = 65_536  # status, headers and body in one packet
    answers: Answers

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    def _answer(self) -> None:
        body = self._body()
        if body is not None:
            self._send(*self.answers.answer(self.command, self.path, body))

    def _body(self) -> bytes | None:
        """The request's body; None when it was refused."""
        text = self.headers.get("Content-Length", "0" if self.command != "POST" else "")
        refusal = None
        if self.headers.get("Transfer-Encoding") or not text.isdecimal():
            refusal = error(411, "The length of the body is unknown; send a Content-Length.")
        elif len(text) > 18 or int(text) > BODY_MAX_BYTES:
            refusal = error(413, f"The body has more than the {BODY_MAX_BYTES} bytes allowed.")
        if refusal:
            self.close_connection = True  # what follows is a body that nobody has read
            self._send(*refusal)
            return None
        body = self.rfile.read(int(text))
        if len(body) < int(text):
            self.close_connection = True
            self._send(*error(400, f"The body ended after {len(body)} of {text} bytes."))
            return None
        return body

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()  # else the client waits for it, and we for the body
        return going_on

    def _send(self, status: int, document: dict[str, Any]) -> None:
        data = msgspec.json.encode(document)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses by itself, as JSON too."""
        self.close_connection = True
        self._send(*error(code, f"This is not HTTP as expected: {message or explain or code}."))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are counted by telemetry and not printed."""

    def address_string(self) -> str:
        return "local"


class _HttpServer(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # Without HTTPServer's look-up of our own name, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Server:
    """Serves live models inside its block. The place is taken at once; raises InputError when it
    cannot be had."""

    def __init__(self, models: Mapping[str, Live], place: str | Path) -> None:
        """models: by name. place: HOST:PORT, of which port 0 takes a free one, or the path of a
        Unix socket."""
        answers = Answers(models)
        self._socket = place if isinstance(place, Path) else None
        handler = type(
            "Handler",
            (_Handler,),
            {"answers": answers, "disable_nagle_algorithm": not self._socket},
        )
        try:
            if isinstance(place, Path):
                _clear(place)
                self._server: socketserver.BaseServer = _SocketServer(str(place), handler)
            else:
                host, port = parse_address(place)
                kind = type("Server", (_HttpServer,), {"address_family": _family(host)})
                self._server = kind((host, port), handler)
        except OSError as cause:
            raise InputError(
                f"Cannot listen on {place}: {cause.strerror or cause}; choose another place or "
                "stop what runs there."
            ) from cause
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="serving"
        )

    @property
    def port(self) -> int:
        address = self._server.server_address
        assert isinstance(address, tuple)
        return int(address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._socket:
            self._socket.unlink(missing_ok=True)


def parse_address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"The address {text!r} is not HOST:PORT; write it as 127.0.0.1:8080.")
    return host.strip("[]"), int(port)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _clear(path: Path) -> None:
    """Removes the socket of a daemon that was killed; OSError when somebody listens or it is no
    socket."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError("another process listens there")
        path.unlink()
