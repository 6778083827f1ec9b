"""A converted file examined: linted before it runs, then run on every engine."""

from collections.abc import Sequence
from pathlib import Path

from edgeml import digests
from edgeml.conversion import VariantReport
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.formats.batch import frozen_batch
from edgeml_converters.lint import lint
from edgeml_converters.parity.findings import of_all_engines
from edgeml_converters.parity.outcome import Parity
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.run import show_parity
from edgeml_converters.progress import Progress
from edgeml_converters.variants.candidate import Candidate, variant_id


def examine(
    target: Format,
    precision: Precision,
    question: Question,
    entry: Path,
    progress: Progress,
) -> tuple[Candidate, Parity]:
    """A file, alone in its folder but for what belongs to it, as a candidate; and its parity on
    every engine.

    Raises InputError when the file cannot be read.
    """
    identity = variant_id(target, precision)
    files = sorted(entry.parent.iterdir())
    findings = lint(target, entry)
    batch = frozen_batch(target, entry)
    parity = show_parity(entry, target, question, progress, batch)
    findings = (*findings, *of_all_engines(_beside(findings, parity.findings)))
    wrong_everywhere = any(f.severity == "error" and not f.engines for f in findings)
    report = VariantReport(
        id=identity,
        format=target,
        precision=precision,
        answer="differs" if wrong_everywhere else parity.answer,
        routes=(),
        engines=tuple(parity.engines),
        files=tuple(f"{identity}/{file.name}" for file in files),
        entry=f"{identity}/{entry.name}",
        inputs=parity.inputs,
        outputs=parity.outputs,
        batch=batch,
        size=sum(file.stat().st_size for file in files),
        sha256={f"{identity}/{file.name}": digests.sha256_file(file) for file in files},
        findings=findings,
    )
    candidate = Candidate(
        report, entry.parent, parity.answers, parity.answers_by_engine, parity.integers
    )
    return candidate, parity


def _beside(linted: Sequence[Finding], found: Sequence[Finding]) -> list[Finding]:
    """Without what an engine says of a file that the lint says better."""
    explained = {
        engine for finding in linted if finding.severity == "error" for engine in finding.engines
    }
    return [
        finding
        for finding in found
        if finding.fault is not Fault.ENGINE_REFUSED or not explained.issuperset(finding.engines)
    ]
