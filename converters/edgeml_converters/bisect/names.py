"""Names of tensors as people are shown them."""

SHOWN = 40


def tail(name: str) -> str:
    """At most SHOWN characters: names differ at their ends, their beginnings are scopes."""
    return name if len(name) <= SHOWN else f"…{name[1 - SHOWN :]}"
