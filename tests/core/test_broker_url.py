"""mqtt://[USER:PASSWORD@]HOST[:PORT] and nothing else."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.errors import InputError
from edgeml.mqtt import BrokerUrl

text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://h", BrokerUrl("h", 1883, False, None, None)),
        ("mqtts://h", BrokerUrl("h", 8883, True, None, None)),
        ("mqtt://127.0.0.1:18/", BrokerUrl("127.0.0.1", 18, False, None, None)),
        ("mqtt://[::1]:18", BrokerUrl("::1", 18, False, None, None)),
        ("mqtts://u:p@h:1", BrokerUrl("h", 1, True, "u", "p")),
        ("mqtt://u@h", BrokerUrl("h", 1883, False, "u", None)),
    ],
)
def test_forms(url: str, expected: BrokerUrl) -> None:
    assert BrokerUrl.parse(url) == expected


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True), st.integers(1, 65535),
       text, text)  # fmt: skip
def test_what_is_built_is_parsed(host: str, port: int, user: str, password: str) -> None:
    for scheme in ("mqtt", "mqtts"):
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        found = BrokerUrl.parse(f"{scheme}://{login}@{host}:{port}")
        assert found == BrokerUrl(host, port, scheme == "mqtts", user, password)
        assert str(found) == f"{scheme}://{host}:{port}"  # no password where people read
        assert BrokerUrl.parse(str(found)).host == host


def test_an_ipv6_address_is_printed_in_brackets() -> None:
    assert str(BrokerUrl.parse("mqtt://[::1]:18")) == "mqtt://[::1]:18"


BAD = [
    "", "localhost", "localhost:1883", "mqtt:", "mqtt://", "mqtt://:1883", "http://h:1883",
    "tcp://h:1883", "mqtt://h:0", "mqtt://h:-1", "mqtt://h:65536", "mqtt://h:x", "mqtt://[::1",
    "mqtt://h/fleet", "mqtt://h?x=1", "mqtt://h#x",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(InputError, match="mqtt://HOST:PORT"):
        BrokerUrl.parse(url)


@given(st.text(max_size=30))
def test_any_text_is_a_url_or_an_input_error(url: str) -> None:
    for value in (url, f"mqtt://{url}"):
        try:
            assert 1 <= BrokerUrl.parse(value).port <= 65535
        except InputError:
            pass  # refused
