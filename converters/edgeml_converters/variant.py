"""One variant: routes in turn until one gives a file that says the same as the model."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgeml.conversion import RouteTried, VariantReport
from edgeml.manifest import Format
from edgeml_converters.messages import Converted
from edgeml_converters.model_process import ModelProcess
from edgeml_converters.parity_run import Parity, Question, show_parity
from edgeml_converters.process import StepError
from edgeml_converters.progress import Progress
from edgeml_converters.routes.table import routes_for

Arrays = Mapping[str, npt.NDArray[Any]]
PRECISION = "fp32"


def make_variant(
    target: Format, model: ModelProcess, question: Question, build: Path, progress: Progress
) -> VariantReport:
    """Writes `build`/<variant id> and says what came of it.

    A file out of tolerance is kept, for people to look at, when no later route gives a better one.
    """
    identity = f"{target}-{PRECISION}"
    tried: list[RouteTried] = []
    kept: tuple[Converted, Parity] | None = None
    for key, route in routes_for(model.load().form, target).items():
        folder = question.workspace / key / identity
        try:
            with progress(route.title):
                converted = model.convert(
                    key, route, question.inputs, tuple(question.expected), folder
                )
        except StepError as error:
            tried.append(RouteTried(route=key, error=error.reason))
            continue
        parity = show_parity(folder / converted.entry, target, question, progress)
        tried.append(RouteTried(route=key, error=parity.fault()))
        if kept is None or parity.passed:
            shutil.rmtree(build / identity, ignore_errors=True)
            shutil.copytree(folder, build / identity)
            kept = (converted, parity)
        if parity.passed:
            break
    report = VariantReport(
        id=identity,
        format=target,
        precision=PRECISION,
        passed=False,
        tolerance=question.tolerance,
        routes=tuple(tried),
    )
    return report if kept is None else _complete(report, *kept, build)


def _complete(
    report: VariantReport, converted: Converted, parity: Parity, build: Path
) -> VariantReport:
    return VariantReport(
        id=report.id,
        format=report.format,
        precision=report.precision,
        passed=parity.passed,
        tolerance=report.tolerance,
        routes=report.routes,
        engines=tuple(parity.engines),
        files=tuple(sorted(f"{report.id}/{file.name}" for file in (build / report.id).iterdir())),
        entry=f"{report.id}/{converted.entry}",
        inputs=parity.inputs,
        outputs=parity.outputs,
        batch=converted.batch,
    )
