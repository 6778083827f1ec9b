"""Nearer files, where the samples that prove do not pass a file that those that choose let pass.

The samples that prove say only whether to go on: the next file is the next step of mixed precision
(see `mixed`), and each is proven by wider intervals than the one before it (see `deciding.decide`).
"""

from collections.abc import Iterator

from edgeml.conversion import RepairTried
from edgeml.faults import Fault
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.mixed import action_of, order_of
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser, Recipe

_CLEARLY_DB = 2.0  # less noise by this much may tell what more noise did not


def prove(
    quantiser: Quantiser, file: QuantisedFile, *, repair: bool
) -> tuple[QuantisedFile, Candidate, list[RepairTried]]:
    """The file as it is proven, or the first nearer one that is the same where it is not.

    One that differs, and that those that choose refused too, was the nearest that there is.
    """
    candidate = quantiser.prove(file)
    tried: list[RepairTried] = []
    if not (repair and quantiser.precision == "int8" and quantiser.can_prove):
        return file, candidate, tried
    if not candidate.too_noisy:
        return file, candidate, tried
    differs = candidate.report.answer == "differs"
    if differs and not quantiser.sound(quantiser.examine(file)):
        return file, candidate, tried
    fault = Fault.WRONG_VALUES if differs else Fault.UNDECIDED
    attempt, proven_db = 1, file.snr_db
    for recipe, action in _steps(quantiser, file, candidate):
        one = RepairTried(faults=(fault,), action=action, snr_db=None, kept=False)
        try:
            with quantiser.progress(f"repair: {action}"):
                nearer = quantiser.make(recipe)
        except StepError:
            tried.append(one)
            continue
        kept, snr_db = False, nearer.snr_db
        if proven_db is not None and (snr_db is None or snr_db >= proven_db + _CLEARLY_DB):
            attempt, proven_db = attempt + 1, snr_db
            proven = quantiser.prove(nearer, attempt)
            kept = proven.report.passed
            file, candidate = (nearer, proven) if kept else (file, candidate)
        tried.append(RepairTried(faults=one.faults, action=action, snr_db=snr_db, kept=kept))
        if kept:
            break
    return file, candidate, tried


def _steps(
    quantiser: Quantiser, file: QuantisedFile, candidate: Candidate
) -> Iterator[tuple[Recipe, str]]:
    """Recipes that leave more and more in float, half of the weights at last, each in words."""
    order = order_of(quantiser, file, candidate)
    if order is None:
        return
    last = file.recipe
    steps = [(order.light, layers) for layers in ((), order.half, order.every)]
    for groups, layers in (*steps, ((*order.light, *order.half), order.every)):
        kept, taking = ([name for names in of for name in names] for of in (groups, layers))
        recipe = file.recipe.with_float(kept, taking)
        if recipe != last:
            last = recipe
            yield recipe, action_of(len(recipe.keep_float), len(recipe.float_activations))
