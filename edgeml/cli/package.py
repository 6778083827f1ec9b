"""`edgeml package DIR`: one file of what `edgeml convert` made."""

from pathlib import Path
from typing import Annotated

import typer

from edgeml.limits import LIMITS


def package_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What 'edgeml convert' made.")],
    name: Annotated[str, typer.Option(help="The model's name.")],
    version: Annotated[str, typer.Option(help="The model's version.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here.  [default: NAME-VERSION.edgeml]"),
    ] = None,
    blob_bytes: Annotated[
        int, typer.Option(help="Size of the pieces in which the package travels.")
    ] = LIMITS.blob_bytes,
    passed_only: Annotated[
        bool, typer.Option("--passed-only", help="Leave out variants that did not pass parity.")
    ] = False,
) -> None:
    """Pack a converted model: variants, contract, holdout, report and provenance in one file.

    Only variants that passed parity are packed; the same folder always gives the same bytes.

    Exit codes: 0 written, 2 bad input, 4 a variant failed parity, 6 contract, holdout and report do
    not fit together, 9 the disk is full, 13 none failed, but of a variant nobody can tell yet.
    """
    from edgeml.package import Package
    from edgeml.packing import pack

    target = output or Path(f"{name}-{version}.edgeml")
    sha256 = pack(folder, name, version, target, blob_bytes=blob_bytes, passed_only=passed_only)
    with Package(target) as package:
        variants = ", ".join(variant.id for variant in package.manifest.variants)
    print(
        f"{target}: {target.stat().st_size / 1e6:.2f} MB, manifest sha256 {sha256}, "
        f"variants {variants}"
    )
