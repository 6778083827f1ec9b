"""Open Inference Protocol V2 over both transports: answers, refusals, and nothing that crashes."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.errors import InputError
from edgeml_runtime.serving.answers import Answers
from edgeml_runtime.serving.live import Live
from edgeml_runtime.serving.server import BODY_MAX_BYTES, Server, parse_address
from tests.runtime_doubles import MODEL, loaded

X = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2.5, 3, 4]}
INFER = f"/v2/models/{MODEL}/infer"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


@pytest.fixture
def live() -> Live:
    live = Live()
    live.swap(loaded("1"))
    return live


@pytest.fixture(params=["http", "socket"])
def connection(
    request: pytest.FixtureRequest, live: Live, tmp_path: Path
) -> Iterator[http.client.HTTPConnection]:
    place: str | Path = "127.0.0.1:0" if request.param == "http" else tmp_path / "s"
    with Server({MODEL: live}, place) as server:
        made = (
            _UnixConnection(place)
            if isinstance(place, Path)
            else http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        )
        yield made
        made.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body)
    connection.request(method, path, data)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("/v2", {"name": "edgeml"}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        (f"/v2/models/{MODEL}", {"name": MODEL, "versions": ["1"]}),
        (f"/v2/models/{MODEL}/versions/1", {"platform": "edgeml_fake"}),
        (f"/v2/models/{MODEL}/ready", {"ready": True}),
        (f"/v2/models/{MODEL}/versions/1/ready", {"name": MODEL}),
    ],
)
def test_get(connection: http.client.HTTPConnection, path: str, holds: dict[str, Any]) -> None:
    status, document = ask(connection, "GET", path)
    assert status == 200 and document.items() >= holds.items()


def test_metadata_tells_the_contract(connection: http.client.HTTPConnection) -> None:
    _, document = ask(connection, "GET", f"/v2/models/{MODEL}")
    assert document["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]


def test_infer_answers_with_its_version_and_id(
    connection: http.client.HTTPConnection, live: Live
) -> None:
    expected = {"name": "y", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.5]}
    for path in (INFER, f"/v2/models/{MODEL}/versions/1/infer"):
        status, document = ask(connection, "POST", path, {"id": "7", "inputs": [X]})
        assert status == 200
        assert document == {
            "model_name": MODEL, "model_version": "1", "id": "7", "outputs": [expected],
        }  # fmt: skip
    live.swap(loaded("2"))
    assert ask(connection, "POST", INFER, {"inputs": [X]})[1]["model_version"] == "2"


def test_nested_data_and_chosen_outputs(connection: http.client.HTTPConnection) -> None:
    nested = X | {"shape": [2, 4], "data": [[1, 2, 3, 4], [5, 6, 7, 8]]}
    status, document = ask(
        connection, "POST", INFER, {"inputs": [nested], "outputs": [{"name": "y"}]}
    )
    assert status == 200 and document["outputs"][0]["data"] == [1, 2, 5, 6]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not a V2 inference request"),
        (b"{", "not a V2 inference request"),
        (b"[" * 100_000, "not a V2 inference request"),
        ({}, "inputs"),
        ({"inputs": []}, "'x'"),
        ({"inputs": [X, X]}, "twice"),
        ({"inputs": [X | {"name": "z"}]}, "'x'"),
        ({"inputs": [X | {"datatype": "BYTES"}]}, "BYTES"),
        ({"inputs": [X | {"datatype": "FP64"}]}, "float32"),
        ({"inputs": [X | {"datatype": "INT8", "data": [1, 2, 3, 300]}]}, "-128 to 127"),
        ({"inputs": [X | {"data": [1, 2, 3]}]}, "3 values"),
        ({"inputs": [X | {"shape": [-1, -4]}]}, "4 values"),
        ({"inputs": [X | {"shape": [4]}]}, "shape"),
        ({"inputs": [X | {"shape": [10**30, 4]}]}, "4 values"),
        ({"inputs": [X | {"shape": [10**30, 0], "data": []}]}, "cannot have shape"),
        ({"inputs": [X | {"data": ["a", 1, 2, 3]}]}, "FP32"),
        ({"inputs": [X | {"data": [[1, 2], [3]]}]}, "values"),
        ({"inputs": [X | {"data": [1e300, 0, 0, 0]}]}, "finite"),
        ({"inputs": [X | {"data": [None] * 4}]}, "FP32"),
        ({"inputs": [X], "outputs": [{"name": "nothing"}]}, "'nothing'"),
        ({"inputs": [X | {"shape": [0, 4], "data": []}]}, "shape"),
    ],
)
def test_bad_input_is_one_precise_sentence(
    connection: http.client.HTTPConnection, body: Any, says: str
) -> None:
    status, document = ask(connection, "POST", INFER, body)
    assert status == 400 and says in document["error"] and list(document) == ["error"]
    assert ask(connection, "POST", INFER, {"inputs": [X]})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models/other", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("GET", f"/v2/models/{MODEL}/versions/9", 404),
        ("GET", INFER, 405),
        ("POST", "/v2", 405),
        ("DELETE", f"/v2/models/{MODEL}", 405),
    ],
)
def test_other_paths_and_methods(
    connection: http.client.HTTPConnection, method: str, path: str, status: int
) -> None:
    found, document = ask(connection, method, path)
    assert found == status and document["error"]


def test_a_body_that_is_too_large_is_not_read(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", INFER)
    connection.putheader("Content-Length", str(BODY_MAX_BYTES + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and "allowed" in json.loads(answer.read())["error"]


def test_a_body_without_a_length_is_refused(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", INFER)
    connection.endheaders()
    assert connection.getresponse().status == 411


def test_what_is_not_http_is_answered_in_json(live: Live) -> None:
    with Server({MODEL: live}, "127.0.0.1:0") as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(b"rubbish rubbish rubbish\r\n\r\n")
            assert b'{"error":' in raw.recv(65_536)


def test_before_the_first_model(connection: http.client.HTTPConnection, live: Live) -> None:
    empty = Answers({MODEL: Live()})
    assert empty.answer("GET", "/v2/health/live", b"")[0] == 200
    assert empty.answer("GET", "/v2/health/ready", b"")[0] == 503
    assert empty.answer("POST", INFER, json.dumps({"inputs": [X]}).encode())[0] == 503


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
    lambda data: json.dumps({"inputs": [X | {"data": data}]}).encode()
))  # fmt: skip
def test_no_body_makes_it_raise(body: bytes) -> None:
    live = Live()
    live.swap(loaded())
    assert Answers({MODEL: live}).answer("POST", INFER, body)[0] in (200, 400)


@pytest.mark.parametrize("text", ["", "8080", ":8080", "host:", "host:x", "host:99999", "host:-1"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(InputError, match="HOST:PORT"):
        parse_address(text)


def test_a_place_that_is_taken_is_an_input_error(live: Live, tmp_path: Path) -> None:
    with Server({MODEL: live}, "127.0.0.1:0") as server:
        with pytest.raises(InputError, match="listen"):
            Server({MODEL: live}, f"127.0.0.1:{server.port}")
    with Server({MODEL: live}, tmp_path / "s"):
        with pytest.raises(InputError, match="listen"):
            Server({MODEL: live}, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_the_socket_of_a_killed_daemon_is_taken_over(live: Live, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    with Server({MODEL: live}, tmp_path / "s"):
        connection = _UnixConnection(tmp_path / "s")
        assert ask(connection, "GET", "/v2")[0] == 200
        connection.close()
