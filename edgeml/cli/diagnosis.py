"""What `edgeml doctor` finds out: engines by running them, brokers and frameworks by looking."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

import msgspec

from edgeml.documents import SCHEMA, Strict
from edgeml_converters.extras import EXTRAS, extra_for
from edgeml_devices.engines import ENGINES as BROKERS
from edgeml_runtime.engines import registry

_DISTRIBUTIONS = {"litert_torch": "litert-torch", "tensorflow": "tensorflow-cpu"}
PROBE_SECONDS = 60.0
_PROBE = """
import sys, msgspec
from edgeml_runtime.engines.registry import probe
print(msgspec.json.encode(probe(sys.argv[1])).decode())
"""


class Finding(Strict, frozen=True, kw_only=True):
    """One thing that works here or does not.

    kind, name: what it is.
    ok: an engine ran a tiny model; a broker or framework is installed.
    version: null where it is not known.
    problem: what is wrong and how to get it; null where nothing is.
    """

    kind: Literal["engine", "broker", "framework"]
    name: str
    ok: bool
    version: str | None = None
    problem: str | None = None


class Diagnosis(Strict, frozen=True, kw_only=True):
    """`edgeml doctor --json`: what works on this machine.

    findings: engines, brokers, frameworks.
    """

    findings: tuple[Finding, ...]
    schema: int = SCHEMA


def diagnose() -> Diagnosis:
    return Diagnosis(findings=(*_engines(), *_brokers(), *_frameworks()))


def _engines() -> Iterator[Finding]:
    for name in registry.ENGINES:
        found = probe_apart(name)
        yield Finding(
            kind="engine", name=name, ok=found.ok, version=found.version, problem=found.problem
        )


def probe_apart(name: str) -> registry.Probe:
    """registry.probe in a process of its own: a library built for another processor kills it."""
    command = [sys.executable, "-c", _PROBE, name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        problem = f"{name} did not run a tiny model within {PROBE_SECONDS:.0f} s; reinstall it"
        return registry.Probe(name, "", False, None, problem)
    if done.returncode:
        how = f"status {done.returncode}"
        if done.returncode < 0:
            how = f"signal {signal.Signals(-done.returncode).name}"
        problem = f"{name} ended its process with {how}; install a build for this processor"
        return registry.Probe(name, "", False, None, problem)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=registry.Probe)


def _brokers() -> Iterator[Finding]:
    for broker in BROKERS.values():
        ok = broker.found()
        yield Finding(kind="broker", name=broker.name, ok=ok, problem=None if ok else broker.remedy)


def _frameworks() -> Iterator[Finding]:
    """Without importing them, which would take half a minute."""
    for package in EXTRAS:
        ok = find_spec(package) is not None
        yield Finding(
            kind="framework",
            name=package,
            ok=ok,
            version=_version(package) if ok else None,
            problem=None if ok else f"install {extra_for(package)}",
        )


def _version(package: str) -> str | None:
    for distribution in (package, _DISTRIBUTIONS.get(package, package)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None
