"""Names of tensors as litert-torch writes them, with the whole paths of the modules."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from litert_torch.backend.debuginfo import _build

from edgeml_converters.bisect.origin import WITHIN

_CALLED_AGAIN = re.compile(r"@\d+$")


@contextmanager
def whole_paths() -> Generator[None]:
    """Lets litert-torch 0.10 name each module by its path in the one around it, `blocks.0`, where
    it writes the last part alone, `0`."""
    build: Any = _build
    short = build._get_hierarchy
    build._get_hierarchy = _hierarchy
    try:
        yield
    finally:
        build._get_hierarchy = short


def _hierarchy(node: Any) -> str:
    scopes: list[str] = []
    around = ""
    for name, kind in node.meta.get("nn_module_stack", {}).values():
        path = _CALLED_AGAIN.sub("", name)
        inside = path.removeprefix(f"{around}.") if around else path
        around = path
        known = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        scopes.append(f"{known}{WITHIN}{inside}" if inside else known)
    return "/".join(scopes) + ";"
