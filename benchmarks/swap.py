"""What a hot swap costs those who predict: edgeml beside a naive reload, in the same run.

    python benchmarks/swap.py [--quick]        40 s with --quick, else about 10 minutes

Each measurement is a fresh process (swap_process.py), ours and the naive one in turn. Naive: an
InferenceSession with default options made in a background thread of the serving process, then one
assignment. Ours: edgeml_runtime's stage in a child, loader.load at nice 19, Live.swap.

failed, lost        answers that are wrong, raised or of the wrong version; requests without answer
p999_ratio          30 Hz, MobileNetV2: p99.9 of the requests due around a swap (staging, load and
                    0.3 s after) / p99.9 in steady state; latency counts from when a request is due
p99_ratio_full_rate the same of p99 in a closed loop; p999_ratio_tiny_500hz: a 10 µs net at 500 Hz
peak_memory_ratio   VmHWM of the serving process over all swaps (reset before by clear_refs) / its
                    VmRSS just before, predicting at 30 Hz; mapped files are counted
peak_memory_ratio_zero_copy   the same, where the rise counts only memory that is not backed by a
                    file (RssAnon, sampled every 2 ms): mapped weights are pages of the page cache
rss_growth_ratio    VmRSS after the last swap / before the first: 200 swaps, 20 with --quick
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import models
import numpy as np
import reporting
from swap_process import Plan

from edgeml import documents, holdout
from edgeml.contract import Contract, Tensor
from edgeml.holdout import Holdout
from edgeml.limits import LIMITS
from edgeml.manifest import MANIFEST, File, Manifest, Requirement, Variant
from edgeml.package import describe
from edgeml.parity import shipped

VARIANT = "onnx-fp32"
MODES = ("ours", "naive")
Run = dict[str, Any]


def package(folder: Path, version: str, build: Callable[[Path, int], Path], seed: int) -> str:
    """A package as a device's store holds it, its holdout answered by the unoptimised graph."""
    model = folder / "variants" / VARIANT / "model.onnx"
    model.parent.mkdir(parents=True)
    build(model, seed)
    import onnxruntime  # after edgeml, which keeps it from phoning home

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options)
    shape = session.get_inputs()[0].shape
    image = np.random.default_rng(7).random(shape, dtype=np.float32)
    scores = np.asarray(session.run(None, {"image": image})[0])
    contract = Contract(
        inputs=(Tensor(name="image", dtype="float32", shape=tuple(shape)),),
        outputs=(Tensor(name="scores", dtype="float32", shape=scores.shape),),
    )
    roles = contract.outputs[0].roles
    spread = shipped.spreads(roles, scores)
    noise = shipped.expected_noise(roles, spread, scores, scores, np.arange(len(scores)))
    answers = Holdout(
        {"image": image},
        {"scores": scores},
        spreads={"scores": spread},
        noise={(VARIANT, "onnxruntime"): {"scores": noise}},
    )

    def member(path: str, data: bytes) -> File:
        (folder / path).write_bytes(data)
        return describe(path, data, LIMITS.blob_bytes)

    entry = f"variants/{VARIANT}/model.onnx"
    manifest = Manifest(
        name="net",
        version=version,
        blob_bytes=LIMITS.blob_bytes,
        contract=member("contract.json", documents.encode(contract)),
        holdout=member("holdout.npz", holdout.encode(answers)),
        variants=(
            Variant(
                id=VARIANT,
                format="onnx",
                precision="fp32",
                entry=entry,
                files=(member(entry, model.read_bytes()),),
                inputs={"image": "image"},
                outputs={"scores": "scores"},
                requires=(Requirement(engine="onnxruntime", version=onnxruntime.__version__),),
            ),
        ),
        reports=(),
        provenance=member("provenance.json", b"{}"),
    )
    (folder / MANIFEST).write_bytes(documents.encode(manifest))
    return str(folder)


def serve(plan: Plan) -> Run:
    command = [sys.executable, str(Path(__file__).with_name("swap_process.py"))]
    done = subprocess.run(
        [*command, json.dumps(asdict(plan))], stdout=subprocess.PIPE, check=True, timeout=900
    )
    found: Run = json.loads(done.stdout)
    return found


def scenarios(mode: str, large: list[str], tiny: list[str], quick: bool) -> dict[str, Plan]:
    """Plans by name. Around N swaps there are about as many requests as in steady state."""

    def plan(versions: list[str], rate: float, seconds: float, swaps: int, **more: Any) -> Plan:
        fixed = {"gap_seconds": 0.35, "stage_each": True, "sample_memory": False} | more
        return Plan(mode, versions, rate, seconds, swaps, **fixed)

    swaps = 3 if quick else 15
    seconds = 2.0 if quick else 15.0
    memory = plan(
        large, 30, 0.5, 20 if quick else 200, gap_seconds=0.04, stage_each=False, sample_memory=True
    )
    return {
        "30 Hz": plan(large, 30, seconds, swaps),
        "full rate": plan(large, 0, seconds, swaps),
        "tiny 500 Hz": plan(tiny, 500, seconds, swaps),
        "memory": memory,
    }


def ratio(runs: list[Run], percentile: float) -> float:
    around, steady = (np.concatenate([r[k] for r in runs]) for k in ("around", "steady"))
    return float(np.percentile(around, percentile) / np.percentile(steady, percentile))


def figures_of(runs: dict[str, list[Run]]) -> dict[str, float]:
    memory = runs["memory"]
    every = [run for found in runs.values() for run in found]

    def worst(of: Callable[[Run], float]) -> float:
        return max(of(run) for run in memory)

    return {
        "failed": sum(run["failed"] for run in every),
        "lost": sum(run["lost"] for run in every),
        "p999_ratio": ratio(runs["30 Hz"], 99.9),
        "p99_ratio_full_rate": ratio(runs["full rate"], 99),
        "p999_ratio_tiny_500hz": ratio(runs["tiny 500 Hz"], 99.9),
        "peak_memory_ratio": worst(lambda r: r["peak_kib"] / r["rss_before_kib"]),
        "peak_memory_ratio_zero_copy": worst(
            lambda r: 1 + (r["private_peak_kib"] - r["private_before_kib"]) / r["rss_before_kib"]
        ),
        "rss_growth_ratio": worst(lambda r: r["rss_after_kib"] / r["rss_before_kib"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a rough answer within 50 s")
    quick: bool = parser.parse_args().quick
    runs: dict[str, dict[str, list[Run]]] = {mode: {} for mode in MODES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nets = {"large": models.mobilenet_v2, "tiny": models.tiny}
        packed = {
            net: [package(folder / f"{net}-{n}", str(n), build, n) for n in (1, 2)]
            for net, build in nets.items()
        }
        for _ in range(1 if quick else 3):
            plans = {m: scenarios(m, packed["large"], packed["tiny"], quick) for m in MODES}
            for scenario in plans["ours"]:
                for mode in MODES:
                    print(f"{scenario}, {mode} ...", file=sys.stderr, flush=True)
                    runs[mode].setdefault(scenario, []).append(serve(plans[mode][scenario]))
    ours, naive = figures_of(runs["ours"]), figures_of(runs["naive"])
    print_tables(runs, ours, naive)
    figures = ours | {f"naive_{key}": value for key, value in naive.items()}
    reporting.last_line("swap", quick, figures, {})


def print_tables(
    runs: dict[str, dict[str, list[Run]]], ours: dict[str, float], naive: dict[str, float]
) -> None:
    print(f"{'':14}{'mode':8}{'swap':>9}{'requests':>10}   steady p50 / p99 / p99.9    around, ms")
    for scenario in runs["ours"]:
        for mode in MODES:
            found = runs[mode][scenario]
            steady, around = (np.concatenate([r[k] for r in found]) * 1e3
                              for k in ("steady", "around"))  # fmt: skip
            swap_ms = np.median([r["swap_seconds"] for r in found]) * 1e3
            low, high = (" ".join(f"{v:8.2f}" for v in np.percentile(x, (50, 99, 99.9)))
                         for x in (steady, around))  # fmt: skip
            count = sum(r["sent"] for r in found)
            print(f"{scenario:14}{mode:8}{swap_ms:6.0f} ms{count:10}   {low} {high}")
    for mode in MODES:
        for run in runs[mode]["memory"]:
            print(
                f"memory, {mode}: {run['rss_before_kib'] / 1024:.1f} MiB before, peak "
                f"{run['peak_kib'] / 1024:.1f}, after {run['swaps']} swaps "
                f"{run['rss_after_kib'] / 1024:.1f}"
            )
    print(f"\n{'':30}{'ours':>10}{'naive':>10}")
    for key, value in ours.items():
        print(f"{key:30}{value:10.3g}{naive[key]:10.3g}")


if __name__ == "__main__":
    main()
