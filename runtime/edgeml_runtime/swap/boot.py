"""The start: the version on disk predicts before the network is there, or the one before it."""

from collections.abc import Callable

import msgspec

from edgeml.errors import Category, EdgemlError, EngineError, StageError, StorageError
from edgeml.limits import LIMITS
from edgeml.release import Release
from edgeml_runtime import child
from edgeml_runtime.config import Config
from edgeml_runtime.serving.live import Live
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.record import Installed
from edgeml_runtime.swap.machine import State
from edgeml_runtime.swap.stage import stage
from edgeml_runtime.swap.steps import Load, load
from edgeml_runtime.telemetry.reporter import Reporter


def boot(
    config: Config,
    store: Store,
    live: Live,
    reporter: Reporter,
    stopped: Callable[[], bool],
    load: Load = load,
    hurried: bool = True,
) -> bool:
    """Takes up the active version; when that cannot be, the previous one; or none.

    A version that is damaged on disk may be fetched again. One whose start is cut short again and
    again (LIMITS.trial_attempts) is given up for ever, unless it has ever run for long: then the
    power may be to blame, and it is only left for later, after the network, so that a newer one can
    take its place before it ends the process once more. Then, and only then, False is returned;
    call it again without `hurried`. A start that was cut short in the middle of a trial is the
    trial's.
    """
    record = store.record
    active, previous = record.active, record.previous
    if active is None:
        return True
    cut_by_trial = record.trial is not None and record.swap_state != State.IDLE
    cut_short = record.boots >= LIMITS.trial_attempts
    if cut_short and record.proven and hurried:
        _tell(
            config,
            reporter,
            active.release,
            record.boots,
            "it is loaded after the network was asked for a newer one",
        )
        return False
    if cut_short and not record.proven:
        back = f"going back to {previous.release.version}" if previous else "there is no other one"
        _tell(config, reporter, active.release, record.boots, back)
        rejected = max(record.rejected_generation, active.release.generation)
        _save(store, reporter, active=previous, previous=None, boots=0, proven=False,
              rejected_generation=rejected)  # fmt: skip
        active, previous = previous, None
    else:
        boots = record.boots if cut_by_trial else record.boots + 1
        _save(store, reporter, boots=boots, swap_state=State.IDLE)
    for installed in (active, previous):
        if installed is None:
            continue
        try:
            found = _take_up(config, store, live, installed, stopped, load)
        except EdgemlError as error:
            reporter.refusal("incident", error, installed.release)
            continue
        except OSError as error:
            damage = StorageError(f"Version {installed.release.version} cannot be read: {error}; "
                                  "it is fetched again.")  # fmt: skip
            reporter.refusal("incident", damage, installed.release)
            continue
        if installed is previous:
            _save(store, reporter, active=found, previous=None, boots=0, proven=False)
        elif found is not active:
            _save(store, reporter, active=found)
        break
    return True


def _tell(config: Config, reporter: Reporter, release: Release, starts: int, then: str) -> None:
    error = StageError(
        f"Version {release.version} did not run for {config.healthy_seconds:g} s in {starts} "
        f"starts; {then}.",
        category=Category.EXECUTION,
    )
    reporter.refusal("incident", error, release)


def _take_up(
    config: Config,
    store: Store,
    live: Live,
    installed: Installed,
    stopped: Callable[[], bool],
    load: Load,
) -> Installed:
    """Makes it the live model; returns it as it is now in the store."""
    if config.engine not in (None, installed.engine):
        raise EngineError(
            f"Version {installed.release.version} was taken up by {installed.engine}, but the only "
            f"engine to use is {config.engine}; it is fetched for that one."
        )
    opened = store.open(installed)
    if not store.intact(installed):
        # Only what the engine made of it is damaged: it is made again.
        limits = child.Limits(config.stage_seconds, config.stage_bytes)
        staged = stage(opened, installed.engine, limits, stopped)
        if staged is None:
            return installed
        installed = msgspec.structs.replace(installed, staged=staged)
    live.swap(load(installed, opened, config.threads))
    return installed


def _save(store: Store, reporter: Reporter, **changes: object) -> None:
    try:
        store.save(**changes)
    except StorageError as error:  # a full disk keeps nobody from predicting
        reporter.refusal("incident", error, None)
