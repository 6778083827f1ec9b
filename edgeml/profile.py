"""What `edgeml profile` finds out about a model file on one machine."""

from edgeml.documents import SCHEMA, Strict
from edgeml.manifest import Format, Optimisation


class Layer(Strict, frozen=True, kw_only=True):
    """One operator of the main graph, in the order of the file.

    name: of the node (ONNX) or of its first output (TFLite).
    op: its type.
    shape: of its first output; null where it is not known before a run.
    macs: multiply-accumulates in one call; 0 for an operator that is no product of weights or
        matrices, null where the count depends on a run (loops, shapes not known).
    parameters: how many numbers of weights it takes.
    """

    name: str
    op: str
    shape: tuple[int, ...] | None
    macs: int | None
    parameters: int


class EngineProfile(Strict, frozen=True, kw_only=True):
    """The file on one engine, in a process of its own.

    engine, version: the library that ran it.
    optimisation: the level of graph optimisation; of a package's variant the one it is proven at.
    runs: timed calls, after the warm-up.
    p50_us, p99_us: latency of a call through edgeml's own engine class in µs, checks and copies
        included; below 100 runs p99 is close to the slowest call. null where it did not run.
    peak_mib: rise of the peak of resident memory (VmHWM) in MiB, from the engine having run
        another tiny model to the end of this one's calls. null where it did not run.
    error: why it did not run; null where it did.
    """

    engine: str
    version: str
    runs: int = 0
    p50_us: float | None = None
    p99_us: float | None = None
    peak_mib: float | None = None
    optimisation: Optimisation = "all"
    error: str | None = None


class Profile(Strict, frozen=True, kw_only=True):
    """One model file, or one variant of a package, on this machine.

    name: of the file without folders, or the variant's id.
    format: which engines can read it.
    size: of the file and its external weights in bytes.
    cpu, cores: the processor by its own name, and how many of its cores this process may use.
    threads: intra-op threads that each engine was given.
    batch: samples in one call; a file frozen to batch 1 is run once a sample.
    parameters: how many numbers of weights there are; shared ones are counted once.
    macs: multiply-accumulates in one call, the sum over all layers where they are known.
    macs_unknown: how many layers have no count.
    ops: how many operators of each type there are, those inside of loops and branches included.
    layers: the operators of the main graph, in the order of the file.
    engines: each engine that was asked for.
    """

    name: str
    format: Format
    size: int
    cpu: str
    cores: int
    threads: int
    batch: int
    parameters: int
    macs: int
    macs_unknown: int
    ops: dict[str, int]
    layers: tuple[Layer, ...]
    engines: tuple[EngineProfile, ...]


class Profiles(Strict, frozen=True, kw_only=True):
    """`edgeml profile --json`.

    file: as it was named, without folders.
    profiles: one for a model file, one for each variant of a package.
    """

    file: str
    profiles: tuple[Profile, ...]
    schema: int = SCHEMA
