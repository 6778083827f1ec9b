"""What is wrong with a converted file, or may be, seen before it runs."""

from pathlib import Path

from edgeml.faults import Finding
from edgeml.manifest import Format


def lint(form: Format, entry: Path) -> tuple[Finding, ...]:
    """Findings about the file `entry`, errors before warnings; nothing is inferred.

    Raises InputError when it cannot be read as a file of that format.
    """
    if form == "onnx":
        from edgeml_converters.lint.onnx_rules import findings
    else:
        from edgeml_converters.lint.tflite_rules import findings
    return tuple(sorted(findings(entry), key=lambda f: f.severity != "error"))
