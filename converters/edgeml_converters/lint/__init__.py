"""What is wrong with a converted file, or may be, seen before it runs."""

from pathlib import Path

from edgeml.errors import InputError
from edgeml.faults import Finding
from edgeml.manifest import Format
from edgeml_converters.extras import EXTRAS, extra_for


def lint(form: Format, entry: Path) -> tuple[Finding, ...]:
    """Findings about the file `entry`, errors before warnings; nothing is inferred.

    Raises InputError when it cannot be read as a file of that format, or not without a package.
    """
    try:
        if form == "onnx":
            from edgeml_converters.lint.onnx_rules import findings
        else:
            from edgeml_converters.lint.tflite_rules import findings
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise InputError(
            f"Linting {entry.name} needs {package}, which is not installed; "
            f"install {extra_for(package)}."
        ) from error
    return tuple(sorted(findings(entry), key=lambda finding: finding.severity != "error"))
