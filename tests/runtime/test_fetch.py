"""Fetching: a window of explicit topics, each blob verified, nothing twice."""

from pathlib import Path

import pytest

from edgeml import digests
from edgeml.errors import FetchError
from edgeml.trust import Verifier
from edgeml_runtime.store.disk import Store
from edgeml_runtime.swap.fetch import Fetcher, Interrupted
from tests.runtime_doubles import CHANNEL, FLEET, MODEL, TOPICS, MemoryLink

VERIFIER = Verifier(FLEET, MODEL, CHANNEL)
BLOBS = {digests.sha256(data): data for data in (f"blob {n}".encode() for n in range(40))}


class Stop:
    """Says stop at the n-th look."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def fetcher(link: MemoryLink, said: list[str], looks: int = 1000, stall: float = 60.0) -> Fetcher:
    return Fetcher(
        link, TOPICS, window_blobs=8, stall_seconds=stall, stalled=said.append, stopped=Stop(looks)
    )


@pytest.fixture
def link() -> MemoryLink:
    link = MemoryLink()
    link.retained = {TOPICS.blob(sha256): data for sha256, data in BLOBS.items()}
    return link


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_all_come_in_windows_and_nothing_stays_asked(link: MemoryLink, store: Store) -> None:
    assert fetcher(link, []).blobs(list(BLOBS), VERIFIER, store) == len(BLOBS)
    assert all(store.has_blob(sha256) for sha256 in BLOBS)
    assert link.most_asked == 8 and not link.asked
    store.close()


def test_a_corrupted_blob_is_refused_and_never_stored(link: MemoryLink, store: Store) -> None:
    victim = list(BLOBS)[11]
    link.retained[TOPICS.blob(victim)] = b"something else"
    with pytest.raises(FetchError, match=r"\(7\)"):
        fetcher(link, []).blobs(list(BLOBS), VERIFIER, store)
    assert not store.has_blob(victim) and not link.asked
    store.close()


def test_a_silence_is_said_once_and_waited_through(link: MemoryLink, store: Store) -> None:
    del link.retained[TOPICS.blob(list(BLOBS)[3])]
    said: list[str] = []
    with pytest.raises(Interrupted):
        fetcher(link, said, looks=len(BLOBS) + 4, stall=0.05).blobs(list(BLOBS), VERIFIER, store)
    assert len(said) == 1 and "publish" in said[0]
    assert sum(store.has_blob(sha256) for sha256 in BLOBS) == len(BLOBS) - 1
    assert not link.asked
    store.close()


def test_a_removed_retained_message_is_no_blob(link: MemoryLink, store: Store) -> None:
    first = next(iter(BLOBS))
    link.retained[TOPICS.blob(first)] = b""
    with pytest.raises(Interrupted):
        fetcher(link, [], looks=3).blobs([first], VERIFIER, store)
    store.close()
