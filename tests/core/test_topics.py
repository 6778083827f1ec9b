"""Names are one topic level and one file name; no value reaches into another topic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import names
from edgeml.errors import InputError
from edgeml.topics import DEVICE_KINDS, ROOT, DeviceTopic, Topics

TOPICS = Topics("f")
good = st.from_regex(names.NAME, fullmatch=True)
digest = st.text("0123456789abcdef", min_size=64, max_size=64)
BAD = ["", "a/b", "/", "+", "#", "a+", "a#", "$share", "..", ".", "-x", "a b", "a\n", "é", "x" * 65]


@given(good)
def test_a_name_is_itself(name: str) -> None:
    assert names.check("device", name) == name
    assert len(name) <= 64 and name.isascii()


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_name_is_refused_everywhere(bad: str) -> None:
    for make in (
        lambda: Topics(bad),
        lambda: TOPICS.release(bad, "stable"),
        lambda: TOPICS.release("m", bad),
        lambda: TOPICS.state(bad),
        lambda: TOPICS.report(bad),
        lambda: TOPICS.event(bad),
    ):
        with pytest.raises(InputError, match="is not a name: use"):
            make()


@given(st.text(max_size=70))
def test_no_topic_has_another_number_of_levels(value: str) -> None:
    try:
        found = [Topics(value).state("d"), TOPICS.release(value, value), TOPICS.event(value)]
    except InputError:
        assert not names.NAME.fullmatch(value)
        return
    assert [topic.count("/") for topic in found] == [5, 5, 5]
    assert not any(c in topic for topic in found for c in "+#\0")


@pytest.mark.parametrize("bad", ["", "+", "#", "A" * 64, "a" * 63, "a" * 65, "a" * 63 + "\n"])
def test_what_is_no_digest_is_a_misuse(bad: str) -> None:
    for make in (TOPICS.blob, TOPICS.manifest):
        with pytest.raises(ValueError, match="64 lower-case hex digits"):
            make(bad)
    assert TOPICS.blob_digest(f"{ROOT}/f/blob/{bad}") is None


@given(digest)
def test_a_blobs_topic_is_read_back(sha256: str) -> None:
    assert TOPICS.blob_digest(TOPICS.blob(sha256)) == sha256
    assert TOPICS.blob_digest(Topics("other").blob(sha256)) is None
    assert TOPICS.blob_digest(TOPICS.manifest(sha256)) is None


@given(good, st.sampled_from(DEVICE_KINDS))
def test_a_devices_topic_is_read_back(device: str, kind: str) -> None:
    topic = TOPICS.device(device, kind)
    assert TOPICS.parse_device(topic) == DeviceTopic(device, kind)
    assert TOPICS.parse_device(topic + "/more") is None
    assert Topics("other").parse_device(topic) is None
    assert TOPICS.all_devices(kind) == topic.replace(f"/dev/{device}/", "/dev/+/")


@given(st.text(max_size=80))
def test_a_strangers_topic_is_none_or_a_name_and_a_kind(tail: str) -> None:
    found = TOPICS.parse_device(f"{ROOT}/f/dev/{tail}")
    if found is not None:
        assert names.NAME.fullmatch(found.device) and found.kind in DEVICE_KINDS


def test_devices_speak_of_nothing_else() -> None:
    for make in (lambda: TOPICS.device("d", "#"), lambda: TOPICS.all_devices("+")):
        with pytest.raises(ValueError, match="a device speaks of state, report, event"):
            make()
