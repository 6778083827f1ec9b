"""What happens in each state of the swap; the order is in machine.py."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeml.contract import difference
from edgeml.errors import ContractError, EdgemlError, RoadError, StageError
from edgeml.limits import LIMITS, Limits
from edgeml.manifest import Manifest, Variant
from edgeml.release import Release
from edgeml.trust import Verifier
from edgeml_runtime import loader, machine
from edgeml_runtime.engines.registry import choose
from edgeml_runtime.fetch import Fetched, Fetcher, Superseded
from edgeml_runtime.live import Identity, Live
from edgeml_runtime.machine import Event, Machine, State
from edgeml_runtime.stage import Staged, stage
from edgeml_runtime.store import Installed, Opened, Store
from edgeml_runtime.voice import Voice


@dataclass
class Trial:
    """One release on its way through the states, and what each of them found."""

    release: Release
    begin: float
    manifest: Manifest | None = None
    variant: Variant | None = None
    engine: str = ""
    fetched: Fetched | None = None
    staged: Staged | None = None
    refusal: EdgemlError | None = None
    same: bool = False


class Swap:
    """Takes a release from its pointer to the live slot, or says why not."""

    def __init__(
        self,
        store: Store,
        live: Live,
        voice: Voice,
        fetcher: Fetcher,
        verifier: Verifier,
        engines: list[str] | None,
        limits: Limits = LIMITS,
    ) -> None:
        self._store = store
        self._live = live
        self._voice = voice
        self._fetcher = fetcher
        self._verifier = verifier
        self._engines = engines
        self._limits = limits
        self._machine = Machine(self._entered)
        self._bodies: dict[State, Callable[[Trial], Event]] = {
            State.RESOLVE: self._resolve,
            State.FETCH: self._fetch,
            State.VERIFY: self._verify,
            State.STAGE: self._stage,
            State.LOAD: self._load,
            State.ACTIVE: self._active,
            State.REJECT: self._reject,
        }
        self._trial: Trial | None = None

    def run(self, release: Release) -> bool:
        """Walks `release` through the table; False when it should be tried again later.

        Raises Superseded when it is wanted no more.
        """
        trial = self._trial = Trial(release, time.monotonic())
        event = Event.RELEASED
        interruption: RoadError | Superseded | None = None
        self._store.make_room(release)
        try:
            while self._machine.fire(event) is not State.IDLE:
                try:
                    event = self._bodies[self._machine.state](trial)
                except (RoadError, Superseded) as error:
                    interruption, event = error, Event.INTERRUPTED
                except EdgemlError as error:
                    trial.refusal, event = error, Event.REFUSED
        except RoadError as error:  # the state itself could not be saved
            interruption = error
            self._machine.abandon()
        self._voice.state(swap_state=self._machine.state)
        if isinstance(interruption, Superseded):
            raise interruption
        if interruption is not None:
            self._voice.trouble(
                "incident", interruption, version=release.version, generation=release.generation
            )
        return interruption is None

    def _entered(self, state: State) -> None:
        """Saves what a reboot must know; called by the machine on entering `state`."""
        trial = self._trial
        assert trial is not None
        release = trial.release
        record = self._store.record
        changes: dict[str, object] = {"swap_state": str(state)}
        if state is State.RESOLVE:
            known = record.trial == release
            changes |= {"trial": release, "attempts": record.attempts if known else 0}
            changes["last_generation"] = max(record.last_generation, release.generation)
        elif state is State.STAGE:
            changes["attempts"] = record.attempts + 1
        elif state is State.ACTIVE:
            changes |= {"trial": None, "attempts": 0, **self._installed(trial)}
        elif state is State.REJECT:
            changes |= {"trial": None, "attempts": 0, "rejected_generation": release.generation}
        self._store.save(**changes)
        if state is not State.IDLE:
            self._voice.state(swap_state=state)

    def _installed(self, trial: Trial) -> dict[str, object]:
        """active and previous as they are once the trial's version is live."""
        active = self._store.record.active
        if trial.same and active is not None:
            return {"active": _under(active, trial.release)}
        return {}

    def _resolve(self, trial: Trial) -> Event:
        release = trial.release
        data = self._store.manifest(release)
        if data is None:
            data = self._fetcher.manifest(release)
        trial.manifest = self._verifier.manifest(data, release)
        active = self._store.record.active
        if active is not None and active.release.manifest_sha256 == release.manifest_sha256:
            trial.same = True
            return Event.KNOWN
        trial.variant, trial.engine = choose(trial.manifest, self._engines)
        self._store.put_manifest(release, data)
        return Event.RESOLVED

    def _fetch(self, trial: Trial) -> Event:
        release = trial.release
        files = self._opened(trial).manifest.files_for(self._opened(trial).variant)
        needed = {blob for file in files for blob in file.blobs}
        missing = self._store.missing_blobs(release.manifest_sha256, files)
        self._voice.event(
            "fetching",
            f"{len(missing)} of {len(needed)} blobs of {self._opened(trial).variant.id}",
            version=release.version,
            generation=release.generation,
        )
        trial.fetched = self._fetcher.blobs(missing, self._verifier)
        trial.fetched.kept = len(needed) - len(missing)
        return Event.FETCHED

    def _verify(self, trial: Trial) -> Event:
        opened = self._opened(trial)
        for file in opened.manifest.files_for(opened.variant):
            self._store.assemble(trial.release.manifest_sha256, file, self._verifier)
        self._store.drop_blobs()
        live = self._live.contract
        apart = difference(live, opened.contract()) if live is not None else None
        if apart is not None:
            raise ContractError(
                f"The package is for another contract: {apart}; publish it as another model."
            )
        return Event.VERIFIED

    def _stage(self, trial: Trial) -> Event:
        if self._store.record.attempts > self._limits.trial_attempts:
            raise StageError(
                f"Staging was begun {self._limits.trial_attempts} times and never ended; "
                "it takes this device down."
            )
        self._voice.event(
            "staging",
            f"{trial.engine} prepares it and runs the shipped holdout",
            version=trial.release.version,
            generation=trial.release.generation,
        )
        trial.staged = stage(self._opened(trial), trial.engine, self._limits)
        return Event.STAGED

    def _load(self, trial: Trial) -> Event:
        opened, staged = self._opened(trial), trial.staged
        assert staged is not None
        release = trial.release
        identity = identity_of(release, opened.variant, trial.engine)
        installed = Installed(
            release=release,
            variant=opened.variant.id,
            engine=trial.engine,
            prepared=staged.prepared.removeprefix(f"{self._store.folder}/"),
        )

        def take_over() -> None:
            loaded = loader.load(
                identity,
                opened.contract(),
                opened.variant,
                self._store.folder / installed.prepared,
                opened.holdout(),
            )
            # On disk first: after a cut here the device boots into the version that passed.
            self._store.save(active=installed, previous=self._store.record.active)
            self._live.swap(loaded)

        loader.at_low_priority(take_over)
        return Event.LOADED

    def _active(self, trial: Trial) -> Event:
        record = self._store.record
        took_ms = (time.monotonic() - trial.begin) * 1000
        if trial.same:
            self._live.adopt(trial.release.generation)
            message = "it is the package that is live; nothing was fetched"
        else:
            assert trial.fetched is not None and trial.staged is not None
            message = (
                f"{trial.fetched.blobs} blobs fetched, {trial.fetched.kept} were here; the holdout "
                f"of {trial.staged.samples} samples came out on {trial.engine}"
            )
        self._voice.event(
            "swapped",
            message,
            version=trial.release.version,
            generation=trial.release.generation,
            duration_ms=took_ms,
        )
        self._voice.state(
            previous=record.previous.release.version if record.previous else None,
            swap_state=machine.State.ACTIVE,
        )
        self._store.collect()
        return Event.DONE

    def _reject(self, trial: Trial) -> Event:
        assert trial.refusal is not None
        self._voice.trouble(
            "rejected",
            trial.refusal,
            version=trial.release.version,
            generation=trial.release.generation,
            duration_ms=(time.monotonic() - trial.begin) * 1000,
        )
        self._store.collect()
        return Event.DONE

    def _opened(self, trial: Trial) -> Opened:
        assert trial.manifest is not None and trial.variant is not None
        folder = self._store.package(trial.release.manifest_sha256)
        return Opened(folder, trial.manifest, trial.variant)


def identity_of(release: Release, variant: Variant, engine: str) -> Identity:
    return Identity(
        model=release.model,
        version=release.version,
        generation=release.generation,
        manifest_sha256=release.manifest_sha256,
        variant=variant.id,
        engine=engine,
    )


def _under(installed: Installed, release: Release) -> Installed:
    """The same installed package under a newer release."""
    return Installed(
        release=release,
        variant=installed.variant,
        engine=installed.engine,
        prepared=installed.prepared,
    )
