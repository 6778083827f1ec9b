"""What a command and all that it starts did on the network and to files, as strace saw it."""

import ipaddress
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# sendmsg and sendmmsg carry an address where a socket is not connected.
_NETWORK = "connect,sendto,sendmsg,sendmmsg"
_FILES = "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
_CALL = re.compile(r"^\d+ +(\w+)\((.*)$")
_FAMILY = re.compile(r"sa_family=(AF_\w+)")
_ADDRESS = re.compile(r'inet_(?:addr\("|pton\(AF_INET6, ")([^"]+)"')
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
# Whoever looks up a host's name reads this file or asks systemd's resolver for it.
_RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/io.systemd.Resolve")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_AT = re.compile(r'\w+<([^>]*)>, "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Trace:
    """strangers: addresses that are not loopback, and look-ups of names, in the order of their
    coming. made: every path that was made or opened to be written, there still or not. calls: how
    many lines there were to judge."""

    strangers: tuple[str, ...]
    made: frozenset[Path]
    calls: int


def command(file: Path, traced: Sequence[str]) -> list[str]:
    """`traced` under strace, which writes to `file`."""
    # By seccomp only what is asked for stops a process: twenty times fewer stops than without.
    strace = ["strace", "--seccomp-bpf", "-f", "-qq", "-y", "-s", "4096", "-o", str(file)]
    return [*strace, "-e", f"trace={_NETWORK},{_FILES}", "-e", "signal=none", *traced]


def run(
    traced: Sequence[str], file: Path, cwd: Path, environment: Mapping[str, str], seconds: float
) -> tuple[subprocess.CompletedProcess[str], Trace]:
    done = subprocess.run(
        command(file, traced), cwd=cwd, env=environment, capture_output=True, text=True,
        timeout=seconds,
    )  # fmt: skip
    return done, read(file.read_text(errors="replace"), cwd)


def read(text: str, cwd: Path) -> Trace:
    """cwd: where the traced command began."""
    strangers: dict[str, None] = {}
    made: set[Path] = set()
    calls = 0
    for line in text.splitlines():
        call = _CALL.match(line)
        if call is None:
            continue
        calls += 1
        name, arguments = call.groups()
        if name in _NETWORK.split(","):
            strangers |= dict.fromkeys(_strangers(arguments))
        else:
            strangers |= {f"name look-up ({f})": None for f in _RESOLVERS if f'"{f}"' in arguments}
            made |= set(_made(name, arguments, cwd))
    return Trace(tuple(strangers), frozenset(made), calls)


def _strangers(arguments: str) -> Iterator[str]:
    family = _FAMILY.search(arguments)
    if family is None:  # a socket that is connected, which `connect` has shown
        return
    if family[1] in ("AF_UNIX", "AF_NETLINK", "AF_UNSPEC"):
        yield from (f"name look-up ({f})" for f in _RESOLVERS if f in arguments)
        return
    address, port = _ADDRESS.search(arguments), _PORT.search(arguments)
    if address is None or port is None:
        yield f"{family[1]}: {arguments}"
    elif not ipaddress.ip_address(address[1]).is_loopback:
        yield f"{address[1]} port {port[1]}"


def _made(name: str, arguments: str, cwd: Path) -> Iterator[Path]:
    """The paths that a call leaves, if it succeeds: the last path that it names."""
    if name in ("open", "openat") and not re.search(r"O_CREAT|O_WRONLY|O_RDWR", arguments):
        return
    at = _AT.findall(arguments)
    if at:  # strace names the folder that a path is relative to
        folder, path = at[-1]
        yield Path(folder) / path
    elif strings := _STRING.findall(arguments):
        yield cwd / strings[-1]
