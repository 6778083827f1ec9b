"""What the check makes of strace's lines."""

from pathlib import Path

import pytest

from tests.quiet.trace import read

CWD = Path("/work")


@pytest.mark.parametrize(
    ("line", "stranger"),
    [
        (
            "7 connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(443), "
            'sin_addr=inet_addr("192.0.2.1")}, 16) = -1 EINPROGRESS',
            "192.0.2.1 port 443",
        ),
        (
            "7 connect(3<socket:[1]>, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo="
            'htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
            "2001:db8::1 port 443",
        ),
        (
            "7 connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(53), "
            'sin_addr=inet_addr("192.0.2.53")}, 16 <unfinished ...>',
            "192.0.2.53 port 53",
        ),
        (
            '7 sendto(3<socket:[1]>, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(9), '
            'sin_addr=inet_addr("192.0.2.9")}, 16) = 1',
            "192.0.2.9 port 9",
        ),
        (
            "7 sendmsg(3<socket:[1]>, {msg_name={sa_family=AF_INET, sin_port=htons(9), "
            'sin_addr=inet_addr("192.0.2.9")}, msg_namelen=16, msg_iovlen=0}, 0) = 1',
            "192.0.2.9 port 9",
        ),
        (
            '7 openat(AT_FDCWD</work>, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 3',
            "name look-up (/etc/resolv.conf)",
        ),
        (
            "7 connect(3<socket:[1]>, {sa_family=AF_UNIX, "
            'sun_path="/run/systemd/resolve/io.systemd.Resolve"}, 42) = 0',
            "name look-up (/run/systemd/resolve/io.systemd.Resolve)",
        ),
    ],
)
def test_a_stranger_is_seen(line: str, stranger: str) -> None:
    assert read(line, CWD).strangers == (stranger,)


@pytest.mark.parametrize(
    "line",
    [
        "7 connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(1883), "
        'sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        "7 connect(3<socket:[1]>, {sa_family=AF_INET6, sin6_port=htons(1), sin6_flowinfo=htonl(0), "
        'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
        '7 connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/tmp/a.sock"}, 110) = 0',
        '7 sendto(3<TCP:[1]>, "hello", 5, 0, NULL, 0) = 5',
        '7 openat(AT_FDCWD</work>, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3',
    ],
)
def test_who_stays_on_this_machine_is_no_stranger(line: str) -> None:
    assert read(line, CWD).strangers == ()


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('7 openat(AT_FDCWD</work>, "a", O_WRONLY|O_CREAT, 0666) = 3</work/a>', "/work/a"),
        ('7 openat(5</there>, "a", O_RDWR|O_CREAT, 0666 <unfinished ...>', "/there/a"),
        ('7 mkdir("a b", 0777) = 0', "/work/a b"),
        ('7 renameat(4</x>, "a", 5</y>, "b") = 0', "/y/b"),
        ('7 rename("/x/a", "/y/b") = 0', "/y/b"),
    ],
)
def test_what_was_made_is_known_by_its_path(line: str, path: str) -> None:
    assert read(line, CWD).made == {Path(path)}


def test_what_was_only_read_was_not_made() -> None:
    line = '7 openat(AT_FDCWD</work>, "a", O_RDONLY|O_CLOEXEC) = 3</work/a>'
    assert read(line, CWD).made == frozenset()
