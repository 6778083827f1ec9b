"""`edgeml verify FILE`: every byte of a package against its manifest."""

from pathlib import Path
from typing import Annotated

import typer

from edgeml.package import Package


def verify_command(
    file: Annotated[Path, typer.Argument(help="The package, NAME-VERSION.edgeml.")],
) -> None:
    """Check every member of a package against the digests in its manifest."""
    with Package(file) as package:
        package.verify()
        manifest = package.manifest
        print(
            f"{file.name}: {manifest.name} {manifest.version} is whole; "
            f"{len(manifest.files())} members, manifest sha256 {package.sha256}"
        )
