"""Imports every module of the named packages and prints, as JSON, what that has loaded.

Run by a path, in any environment: python imports.py PACKAGE...
"""

import importlib
import json
import pkgutil
import sys

HEAVY = {"torch", "tensorflow", "onnx", "typer", "scipy", "pandas", "rich", "sklearn", "jinja2"}
COMMAND_LINE = "edgeml.cli"


def modules(package: str) -> list[str]:
    """Every module of a package but the command line, imported or not."""
    found = [package]
    paths = importlib.import_module(package).__path__
    for info in pkgutil.walk_packages(paths, f"{package}."):
        if not info.name.startswith(COMMAND_LINE):
            found.append(info.name)
    return found


def main() -> None:
    names = [name for package in sys.argv[1:] for name in modules(package)]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    loaded = {name.partition(".")[0] for name in sys.modules}
    print(json.dumps({"modules": names, "heavy": sorted(loaded & HEAVY)}))


if __name__ == "__main__":
    main()
