"""Mixed precision: the operators that add the most noise stay in float, as few as are enough.

Where no one operator is to blame, as where a little noise adds up over a state's steps, there is
only an order to go by: how much noise each adds by itself. Those without weights come first, since
they cost no coverage: with all of them in float, as few of them as are enough are found by halving.
Else layers take and give floats, with weights in int8: first so many that those with half of the
weights do not, then all, of which people are told. At last layers stay in float, with half of the
weights at most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import structs

from edgeml.conversion import RepairTried
from edgeml.evidence import TensorFidelity
from edgeml_converters.formats.ops import Op, ops_of, sharing_weights, weights_of
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser

_TRIES_MAX = 10
_LEAST_DB = 100.0  # what is quantised adds more noise than that
Names = tuple[str, ...]


class Mixed:
    """The search. best: the smallest sound choice, else the nearest that is nearer than the start,
    first of those that nothing speaks against; or None. tried: in order.

    start: the file that is not sound; candidate: as it was examined.
    """

    def __init__(self, quantiser: Quantiser, candidate: Candidate, start: QuantisedFile) -> None:
        self.best: QuantisedFile | None = None
        self.tried: list[RepairTried] = []
        self._found = False
        self._quantiser = quantiser
        self._candidate = candidate
        self._start = start
        self._nearest = self._nearness(start, candidate)

    def search(self) -> None:
        """Tries at most 10 files; none where the tensors inside cannot be seen."""
        order = order_of(self._quantiser, self._start, self._candidate)
        if order is None:
            return
        light, layers, every = order.light, order.half, order.every
        static = bool(every)
        if light and self._sound(light):
            self._narrow(0, len(light), lambda few: self._sound(light[:few]))
            return
        if static and layers and self._sound(light, layers):
            self._narrow(0, len(layers), lambda few: self._sound(light, layers[:few]))
            return
        if len(every) > len(layers) and self._sound(light, every, or_nearest=False):
            self._narrow(
                len(layers),
                len(every),
                lambda few: self._sound(light, every[:few], or_nearest=False),
            )
            return
        if layers and self._sound((*light, *layers), every, or_nearest=not static):
            self._narrow(
                0,
                len(layers),
                lambda few: self._sound((*light, *layers[:few]), every, or_nearest=not static),
            )

    def _narrow(self, low: int, high: int, sound: Callable[[int], bool]) -> None:
        """By halving, to an eighth; it is sound with `high` and not with `low`.

        What is only just enough by the samples that choose may not be by those that prove.
        """
        while high - low > max(1, high // 8) and len(self.tried) < _TRIES_MAX:
            middle = (low + high) // 2
            if sound(middle):
                high = middle
            else:
                low = middle

    def _sound(
        self, groups: Sequence[Names], layers: Sequence[Names] = (), *, or_nearest: bool = True
    ) -> bool:
        """Whether it is with these in float; then it is the best so far.

        layers: of these what they take and give, their weights in int8. or_nearest: whether it may
        be the best so far without being sound.
        """
        kept, activations = (
            tuple(dict.fromkeys(name for names in of for name in names)) for of in (groups, layers)
        )
        activations = tuple(name for name in activations if name not in kept)
        action = action_of(len(kept), len(activations))
        faults = self._quantiser.faults(self._candidate)
        tried = RepairTried(faults=faults, action=action, snr_db=None, kept=False)
        try:
            with self._quantiser.progress(f"repair: {action}"):
                recipe = self._start.recipe.with_float(kept, activations)
                file, candidate = self._quantiser.make_examined(recipe)
        except StepError:
            self.tried.append(tried)
            return False
        sound = self._quantiser.sound(candidate)
        better = sound or (or_nearest and not self._found and self._is_nearer(file, candidate))
        self._found |= sound
        if better:  # what was kept until now was more, or less near
            self.best = file
            self.tried = [structs.replace(one, kept=False) for one in self.tried]
        self.tried.append(structs.replace(tried, snr_db=file.snr_db, kept=better))
        return sound

    def _is_nearer(self, file: QuantisedFile, candidate: Candidate) -> bool:
        """Of those that are not sound, whether this one is to be preferred to what there is."""
        nearness = self._nearness(file, candidate)
        nearer = nearness > self._nearest
        self._nearest = max(nearness, self._nearest)
        return nearer

    def _nearness(self, file: QuantisedFile, candidate: Candidate) -> tuple[float, ...]:
        """More is better: nothing that speaks against it, its standing, the file's own nearness."""
        return self._quantiser.near(candidate), *candidate.standing, *file.nearness


@dataclass(frozen=True)
class Order:
    """Names by which operators leave int8, noisiest first: light ones have no weights. half: those
    with weights, half of all at most, see `within_half`. every: these and then the others, where
    they may take and give floats with weights in int8; none where activations are floats anyway."""

    light: Sequence[Names]
    half: Sequence[Names]
    every: Sequence[Names]


def order_of(quantiser: Quantiser, file: QuantisedFile, candidate: Candidate) -> Order | None:
    """What is to leave int8 in the file first; None where the tensors inside cannot be seen."""
    try:
        tensors = quantiser.trace(file, candidate.doubted)
    except StepError:
        return None
    ops = ops_of(quantiser.format, quantiser.base.entry)
    static = quantiser.precision == "int8"
    light, heavy = by_own_noise(ops, tensors, static)
    half = within_half(heavy, ops)
    every = [*half, *(names for names in heavy if names not in half)] if static else []
    return Order(light, half, every)


def action_of(kept: int, layers: int) -> str:
    """In words: how many operators stay in float, and how many layers take and give floats."""
    number = "operator that adds" if kept == 1 else f"{kept} operators that add"
    if not layers:
        return f"keep the {number} most noise in float"
    many = f"{layers} layers with int8 weights take and give"
    between = f"what {many if layers > 1 else 'a layer with int8 weights takes and gives'}"
    return (
        f"keep the {number} most noise and {between} in float"
        if kept
        else (f"keep {between} in float")
    )


def within_half(heavy: Sequence[Names], ops: Sequence[Op]) -> list[Names]:
    """The noisiest first, without those that would make more than half of all weights theirs."""
    room, taken = weights_of(ops) / 2, list[Names]()
    for names in heavy:
        size = weights_of(op for op in ops if op.name in names)
        if size <= room:
            taken.append(names)
            room -= size
    return taken


def by_own_noise(
    ops: Sequence[Op], tensors: Sequence[TensorFidelity], both_sides: bool
) -> tuple[list[Names], list[Names]]:
    """The names by which operators stay in float, without weights and with them, noisiest first;
    those that share weights together.

    both_sides: whether what passes between operators is rounded, so that a tensor is exact only
    where those that take it stay in float too.
    """
    noisy = [t for t in tensors if t.own_snr_db is not None and t.own_snr_db < _LEAST_DB]
    sharing = sharing_weights(ops)
    light: dict[Names, None] = {}
    heavy: dict[Names, None] = {}
    for tensor in sorted(noisy, key=lambda tensor: tensor.own_snr_db or 0.0):
        near = [
            op
            for op in ops
            if tensor.name in op.outputs or (both_sides and tensor.name in op.inputs)
        ]
        group = tuple(op.name for op in near if not op.weights)
        if group:
            light.setdefault(group)
        for op in near:
            if op.weights:
                heavy.setdefault(sharing[op.name])
    return list(light), list(heavy)
