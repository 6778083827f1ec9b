"""Mixed precision: the operators that add the most noise stay in float, as few as are enough.

Where no one operator is to blame, as where a little noise adds up over a state's steps, there is
only an order to go by: how much noise each adds by itself. Those without weights come first, since
they cost no coverage: with all of them in float, either as few of them as are enough are found by
halving, or those with weights follow, twice as many each time.
"""

from collections.abc import Sequence

from msgspec import structs

from edgeml.conversion import RepairTried
from edgeml.evidence import TensorFidelity
from edgeml_converters.bisect.around import Op, ops_of
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser

_TRIES_MAX = 10
_LEAST_DB = 100.0  # what is quantised adds more noise than that
Names = tuple[str, ...]


class Mixed:
    """The search. best: the smallest sound choice, or None while none was found. tried: in order.

    start: the file that is not sound; candidate: as it was examined.
    """

    def __init__(self, quantiser: Quantiser, candidate: Candidate, start: QuantisedFile) -> None:
        self.best: QuantisedFile | None = None
        self.tried: list[RepairTried] = []
        self._quantiser = quantiser
        self._candidate = candidate
        self._start = start

    def search(self) -> None:
        """Tries at most 10 files; none where the tensors inside cannot be seen."""
        try:
            tensors = self._quantiser.trace(self._start, self._candidate.doubted)
        except StepError:
            return
        ops = ops_of(self._quantiser.format, self._quantiser.base.entry)
        light, heavy = by_own_noise(ops, tensors, self._quantiser.precision == "int8")
        if light and self._sound(light):
            self._narrow(light, (), 0, len(light))
            return
        low, count = 0, 1
        while count <= len(heavy) and len(self.tried) < _TRIES_MAX:
            if self._sound((*light, *heavy[:count])):
                self._narrow(heavy, light, low, count)
                return
            low, count = count, 2 * count

    def _narrow(
        self, groups: Sequence[Names], besides: Sequence[Names], low: int, high: int
    ) -> None:
        """It is sound with the first `high` groups in float, and not with `low`."""
        while high - low > 1 and len(self.tried) < _TRIES_MAX:
            middle = (low + high) // 2
            if self._sound((*besides, *groups[:middle])):
                high = middle
            else:
                low = middle

    def _sound(self, groups: Sequence[Names]) -> bool:
        """Whether it is with these in float; then it is the best so far."""
        kept = tuple(dict.fromkeys(name for names in groups for name in names))
        number = "operator that adds" if len(kept) == 1 else f"{len(kept)} operators that add"
        action = f"keep the {number} most noise in float"
        snr_db: float | None = None
        sound = False
        try:
            with self._quantiser.progress(f"repair: {action}"):
                file = self._quantiser.make(self._start.recipe.with_float(kept))
            snr_db = file.snr_db
            sound = self._quantiser.examine(file).sound
        except StepError:
            pass
        else:
            if sound:  # what was kept until now was more
                self.best = file
                self.tried = [structs.replace(one, kept=False) for one in self.tried]
        faults = self._candidate.faults
        self.tried.append(RepairTried(faults=faults, action=action, snr_db=snr_db, kept=sound))
        return sound


def by_own_noise(
    ops: Sequence[Op], tensors: Sequence[TensorFidelity], both_sides: bool
) -> tuple[list[Names], list[Names]]:
    """The names by which operators stay in float, without weights and with them, noisiest first.

    both_sides: whether what passes between operators is rounded, so that a tensor is exact only
    where those that take it stay in float too.
    """
    noisy = [t for t in tensors if t.own_snr_db is not None and t.own_snr_db < _LEAST_DB]
    light: dict[Names, None] = {}
    heavy: dict[Names, None] = {}
    for tensor in sorted(noisy, key=lambda tensor: tensor.own_snr_db or 0.0):
        near = [
            op
            for op in ops
            if tensor.name in op.outputs or (both_sides and tensor.name in op.inputs)
        ]
        group = tuple(op.name for op in near if not op.has_weights)
        if group:
            light.setdefault(group)
        for op in near:
            if op.has_weights:
                heavy.setdefault((op.name,))
    return list(light), list(heavy)
