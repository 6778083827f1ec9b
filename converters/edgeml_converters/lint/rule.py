"""A rule of lint that another package adds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from edgeml.faults import Fault, Finding
from edgeml.manifest import Format
from edgeml_converters.plugins import asking, check_sentence, check_words, plugins


@dataclass(frozen=True)
class LintRule:
    """check: yields a sentence for each thing that is wrong, which says what to do about it.

    It gets an `onnx.ModelProto`, whose big weights are not loaded, or a `TfliteFile` of
    formats.tflite_read.
    """

    format: Format
    check: Callable[[Any], Iterable[str]]

    def __post_init__(self) -> None:
        check_words("format", (self.format,), get_args(Format))


def added_rules(form: Format, file: object) -> Iterator[Finding]:
    """What the added rules for a format find; raises ConversionError when a rule fails."""
    for name, rule in plugins("lint_rules", LintRule).items():
        if rule.format != form:
            continue
        with asking("lint_rules", name):
            answer = rule.check(file)
            # A text is a sequence too, of sentences of one letter.
            messages = [answer] if isinstance(answer, str) else list(answer)
            for message in messages:
                check_sentence(message)
        for message in messages:
            yield Finding(fault=Fault.ADDED_CHECK, severity="error", message=message, where=name)
