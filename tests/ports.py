"""Ports for servers of tests that run at the same time."""

import random
import socket

# Below those that Linux gives out by itself (ip_local_port_range): no client of another test gets
# one between its choice and its use.
_FIRST, _LAST = 15_000, 32_000
_chance = random.SystemRandom()  # not the same ports in each process


def free_port() -> int:
    """One on 127.0.0.1 that nobody listens on."""
    while True:
        port = _chance.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
