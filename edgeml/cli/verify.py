"""`edgeml verify FILE`: every byte of a package against its manifest."""

from pathlib import Path
from typing import Annotated

import typer


def verify_command(
    file: Annotated[Path, typer.Argument(help="The package, NAME-VERSION.edgeml.")],
) -> None:
    """Check every byte of a package against the digests in its manifest.

    Exit codes: 0 whole, 2 there is no such file, 6 a byte is not what the manifest promises.
    """
    from edgeml.package import Package

    with Package(file) as package:
        package.verify()
        manifest = package.manifest
        print(
            f"{file.name}: {manifest.name} {manifest.version} is whole; "
            f"{len(manifest.files())} files in {sum(len(f.blobs) for f in manifest.files())} "
            f"blobs, manifest sha256 {package.sha256}"
        )
