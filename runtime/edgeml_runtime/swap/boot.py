"""The start: the version on disk predicts before the network is there, or the one before it."""

from collections.abc import Callable
from enum import Enum, auto

from msgspec.structs import replace

from edgeml.errors import (
    Category,
    EdgemlError,
    EngineError,
    InputError,
    StageError,
    StorageError,
)
from edgeml.limits import LIMITS
from edgeml.release import Release
from edgeml_runtime.engines.environment import made_by
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.record import Installed
from edgeml_runtime.swap.loader import Load, load_installed
from edgeml_runtime.swap.machine import State
from edgeml_runtime.swap.stage import stage


class Left(Enum):
    """What a start leaves for later."""

    NOTHING = auto()
    AFTER_NETWORK = auto()
    """The version may end the process: a newer one may come first."""
    PREPARING = auto()
    """The active version must be prepared again, at once or when it is due by the refusals; the one
    before predicts meanwhile, if there is one."""


def boot(slot: Slot, load: Load = load_installed, *, hurried: bool = True) -> Left:
    """Takes up the active version; when that cannot be, the previous one; or none.

    A version that is damaged on disk may be fetched again. One whose start is cut short again and
    again (LIMITS.trial_attempts) is refused, unless it has ever run for long: then the power may be
    to blame, and it is only left for later, AFTER_NETWORK, so that a newer one can take its place
    before it ends the process once more; call it again without `hurried`. A start that was cut
    short in the middle of a trial is the trial's. What takes long is PREPARING, see `prepare`.
    """
    record = slot.store.record
    active, previous = record.active, record.previous
    if active is None:
        return Left.NOTHING
    cut_by_trial = record.trial is not None and record.swap_state != State.IDLE
    cut_short = record.boots >= LIMITS.trial_attempts
    if cut_short and record.proven and hurried:
        then = "it is loaded after the network was asked for a newer one"
        _tell(slot, active.release, _cut_short(slot, active.release, then))
        return Left.AFTER_NETWORK
    if cut_short and not record.proven:
        then = f"going back to {previous.release.version}" if previous else "there is no other one"
        error = _cut_short(slot, active.release, then)
        slot.refusals.note(active.release, error)
        _tell(slot, active.release, error)
        slot.save(
            active=previous, previous=None, boots=0, proven=False, refused=slot.refusals.known
        )
        active, previous = previous, None
    else:
        boots = record.boots if cut_by_trial else record.boots + 1
        slot.save(boots=boots, swap_state=State.IDLE)
    left = Left.NOTHING
    for installed in (active, previous):
        if installed is None:
            continue
        error_of = _take_up(slot, installed, load)
        if error_of is not None:
            if installed is active and isinstance(error_of, EngineError | StageError):
                slot.refuse(installed.release, error_of)
                left = Left.PREPARING
            else:
                _tell(slot, installed.release, error_of)
            continue
        if installed is previous and left is Left.NOTHING:
            _go_back(slot)
        if slot.live.identity is not None:
            break
        left = Left.PREPARING
    return left


def prepare(slot: Slot, stopped: Callable[[], bool], load: Load = load_installed) -> Left:
    """Prepares the active version again and takes it up, and the one before where nothing predicts.

    Only what the engine made of them is damaged, or was made by another engine, or on another
    processor, or there was no memory for it. What could not be prepared for want of time or memory
    is left, PREPARING, until it is due by the slot's refusals; what does not pass here any more
    leaves its place to the one before for good. PREPARING too when `stopped`.
    """
    active, previous = slot.store.record.active, slot.store.record.previous
    left = Left.NOTHING
    for name, installed in (("active", active), ("previous", previous)):
        if installed is None:
            continue
        if slot.predicts(installed):
            error = None
        elif slot.refusals.due_in(installed.release) > 0:
            left = Left.PREPARING
            continue
        else:
            try:
                again = _prepared_again(slot, installed, stopped)
                if again is None:
                    return Left.PREPARING
                error = _take_up(slot, again, load)
            except EdgemlError as refused:
                error = refused
            except OSError as failed:
                error = _unreadable(installed, failed)
            else:
                if error is None:
                    slot.refusals.lift(installed.release)
                    slot.save(**{name: again, "refused": slot.refusals.known})
        if error is None:
            if installed is previous and left is Left.NOTHING:
                _go_back(slot)
            return left
        refusal = slot.refuse(installed.release, error)
        if refusal.final:
            slot.reporter.refusal("rejected", error, installed.release)
        else:
            left = Left.PREPARING
        slot.save(refused=slot.refusals.known)
    return left


def _prepared_again(
    slot: Slot, installed: Installed, stopped: Callable[[], bool]
) -> Installed | None:
    _check_engine(slot, installed)
    opened = slot.store.open(installed)
    with slot.staging(stopped) as mine:
        staged = stage(opened, installed.engine, slot.stage_limits, stopped) if mine else None
    return replace(installed, staged=staged) if staged else None


def _go_back(slot: Slot) -> None:
    """The version before is the active one from now on."""
    slot.save(active=slot.store.record.previous, previous=None, boots=0, proven=False)


def _take_up(slot: Slot, installed: Installed, load: Load) -> EdgemlError | None:
    """Makes it the live model, unless it must be prepared before; returns why that cannot be."""
    store = slot.store
    try:
        _check_engine(slot, installed)
        opened = store.open(installed)
        if installed.staged.made_by == made_by(installed.engine) and store.intact(installed):
            slot.live.swap(load(installed, opened, slot.config.threads_each))
    except EdgemlError as error:
        return error
    except OSError as error:
        return _unreadable(installed, error)
    return None


def _check_engine(slot: Slot, installed: Installed) -> None:
    if slot.followed.engine not in (None, installed.engine):
        raise InputError(
            f"Version {installed.release.version} was taken up by {installed.engine}, but the "
            f"only engine to use is {slot.followed.engine}; it is fetched for that one."
        )


def _unreadable(installed: Installed, error: OSError) -> StorageError:
    return StorageError(
        f"Version {installed.release.version} cannot be read: {error}; it is fetched again."
    )


def _cut_short(slot: Slot, release: Release, then: str) -> StageError:
    return StageError(
        f"Version {release.version} did not run for {slot.config.healthy_seconds:g} s in "
        f"{slot.store.record.boots} starts; {then}.",
        category=Category.EXECUTION,
    )


def _tell(slot: Slot, release: Release, error: EdgemlError) -> None:
    slot.reporter.refusal("incident", error, release)
