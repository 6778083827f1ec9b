"""The demo: two devices, three versions, one of them damaged, all by edgeml's own commands."""

import argparse
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from damage import flip_signs
from data import Digits, load
from report import print_summary
from stage import Stage, StepFailed
from summary import Recording

from edgeml.errors import EdgemlError
from edgeml_devices.broker import start_broker
from edgeml_devices.database import ModelRow, read_events, read_fleet

HERE = Path(__file__).parent
WORK = HERE.parent.parent / ".demo"
FLEET = "demo"
RATE_HZ = 200
STEADY_SECONDS = 6.0
DEVICES = {"pi-1": "onnxruntime", "pi-2": "tflite"}
EDGEML = [sys.executable, "-m", "edgeml.cli"]


class Story:
    def __init__(self, stage: Stage, url: str, digits: Digits) -> None:
        self.stage = stage
        self.url = url
        self.digits = digits
        self.db = WORK / "monitor.db"

    def convert(self, source: str, data: Path, out: str) -> Path:
        folder = WORK / out
        self.stage.run(
            [*EDGEML, "convert", WORK / source, "--to", "onnx", "--to", "tflite", "--data", data,
             "--out", folder]
        )  # fmt: skip
        return folder

    def package(self, folder: Path, name: str, version: str) -> Path:
        target = WORK / f"{name}-{version}.edgeml"
        self.stage.run(
            [*EDGEML, "package", folder, "--name", name, "--version", version, "-o", target]
        )
        return target

    def publish(self, package: Path) -> None:
        self.stage.run(
            [*EDGEML, "publish", package, "--broker", self.url, "--fleet", FLEET,
             "--channel", "stable"]
        )  # fmt: skip

    def device(self, name: str, model: str, engine: str, replay: Path) -> None:
        self.stage.start(
            name,
            [sys.executable, "-m", "edgeml_runtime", "--broker", self.url, "--fleet", FLEET,
             "--device", name, "--model", model, "--channel", "stable",
             "--store", WORK / "devices" / name, "--engine", engine,
             "--replay", replay, "--rate", str(RATE_HZ), "--record", WORK / f"{name}.csv",
             "--report-seconds", "1"],
        )  # fmt: skip

    def models(self, name: str) -> dict[str, ModelRow]:
        """That model, by the device that runs it."""
        devices = read_fleet(self.db) if self.db.exists() else []
        return {d.device: model for d in devices for model in d.models if model.model == name}

    def wait_for_version(self, version: str, model: str, devices: int) -> None:
        self.stage.wait(
            lambda: [m.version for m in self.models(model).values()] == [version] * devices,
            f"version {version} of {model} on {devices} device(s)",
        )

    def rejections(self) -> dict[str, str]:
        """Why each device refused, by device."""
        return {e.device: e.message for e in read_events(self.db) if e.kind == "rejected"}

    def show_fleet(self) -> None:
        """What the operator sees at this moment."""
        print("$ edgeml devices --db .demo/monitor.db", flush=True)
        subprocess.run([*EDGEML, "devices", "--db", str(self.db)], check=True)

    def predict_for(self, seconds: float) -> None:
        """Lets the devices predict on."""
        begin = {d: m.predictions for d, m in self.models("digits").items()}
        wanted = RATE_HZ * seconds

        def enough() -> bool:
            now = {d: m.predictions for d, m in self.models("digits").items()}
            return all(now.get(name, 0) - count >= wanted for name, count in begin.items())

        self.stage.wait(enough, f"{wanted:.0f} more predictions by each device")


def tell(story: Story, tensorflow: bool) -> dict[str, str]:
    """The acts; returns why each device refused the damaged version."""
    stage = story.stage
    validation = story.digits.validation.save(WORK / "validation.npz")
    replay = story.digits.replay.save(WORK / "replay.npz")
    with stage.step("train two digit classifiers in PyTorch"):
        stage.run([sys.executable, HERE / "train_torch.py", WORK])
    packages: dict[str, Path] = {}
    for version in ("1", "2"):
        with stage.step(f"convert version {version} to ONNX and TFLite, prove parity, package"):
            folder = story.convert(f"digits-{version}.pt2", validation, f"converted-{version}")
            packages[version] = story.package(folder, "digits", version)
    with stage.step("package version 3, whose weights were damaged after its holdout was made"):
        damaged = WORK / "converted-3"
        shutil.copytree(WORK / "converted-2", damaged)
        changed = flip_signs(damaged, np.load(WORK / "digits-2.npy"))
        if len({path.parent for path in changed}) != 2:
            raise StepFailed(f"the weights to damage were found only in {changed}")
        packages["3"] = story.package(damaged, "digits", "3")
    with stage.step("start the monitor and two devices, publish version 1"):
        stage.start(
            "monitor",
            [*EDGEML, "monitor", "--broker", story.url, "--fleet", FLEET, "--db", story.db,
             "--plain"],
        )  # fmt: skip
        for name, engine in DEVICES.items():
            story.device(name, "digits", engine, replay)
        story.publish(packages["1"])
        story.wait_for_version("1", "digits", len(DEVICES))
    if tensorflow:
        tell_keras(story)
    with stage.step("both devices predict with version 1"):
        story.predict_for(STEADY_SECONDS)
    with stage.step("publish version 2: both swap without a pause"):
        story.publish(packages["2"])
        story.wait_for_version("2", "digits", len(DEVICES))
        story.predict_for(STEADY_SECONDS)
    with stage.step("publish version 3: both refuse it and keep version 2"):
        story.publish(packages["3"])
        stage.wait(lambda: len(story.rejections()) == len(DEVICES), "a refusal by each device")
        story.predict_for(2.0)
        story.wait_for_version("2", "digits", len(DEVICES))
    return story.rejections()


def tell_keras(story: Story) -> None:
    """The Keras model, published as a model of its own to a device of its own."""
    stage = story.stage
    with stage.step("train a classifier in Keras, convert, package, publish as digits-keras"):
        stage.run([sys.executable, HERE / "train_keras.py", WORK / "digits.keras"])
        validation = story.digits.validation.save(WORK / "validation-keras.npz", True)
        replay = story.digits.replay.save(WORK / "replay-keras.npz", True)
        folder = story.convert("digits.keras", validation, "converted-keras")
        story.device("pi-3", "digits-keras", "tflite", replay)
        story.publish(story.package(folder, "digits-keras", "1"))
        story.wait_for_version("1", "digits-keras", 1)


def summarise(story: Story, refusals: dict[str, str], tensorflow: bool) -> int:
    """Prints the last page; 0 when the story went as it should, 1 when it did not."""
    names = [*DEVICES, *(["pi-3"] if tensorflow else [])]
    recordings = {name: Recording.read(WORK / f"{name}.csv") for name in names}
    labels = {name: story.digits.replay.labels for name in names}
    swaps = [e for e in read_events(story.db) if e.kind == "swapped"]
    print_summary(recordings, labels, swaps, refusals)
    wrong = [
        f"{name}: {r.failed} failed and {r.lost} lost predictions, versions {r.versions()}"
        for name, r in recordings.items()
        if r.failed or r.lost or r.versions() != (["1", "2"] if name in DEVICES else ["1"])
    ]
    for line in wrong:
        print(f"demo: this should not be: {line}", file=sys.stderr)
    if not wrong:
        print("Both devices swapped without a failed or lost prediction and kept version 2.")
    return 1 if wrong else 0


def play(story: Story) -> None:
    """Leaves everything up until Ctrl-C."""
    monitor = f"edgeml monitor --broker {story.url} --fleet {FLEET} --db {story.db}"
    print(
        f"\nThe broker is at {story.url}, the fleet is '{FLEET}', the packages lie in {WORK}.\n"
        f"In another terminal, after '. .venv/bin/activate':\n"
        f"  {monitor}\n"
        f"  edgeml publish {WORK / 'digits-1.edgeml'} --broker {story.url} --fleet {FLEET}\n"
        "Ctrl-C here ends broker, devices and monitor."
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--tensorflow", action="store_true", help="add a Keras model")
    parser.add_argument("--keep-running", action="store_true", help="leave everything up to play")
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    try:
        with start_broker("embedded") as broker, Stage(WORK, 8 + options.tensorflow) as stage:
            story = Story(stage, broker.url, load())
            refusals = tell(story, options.tensorflow)
            stage.finish()
            story.show_fleet()
            if options.keep_running:
                code = summarise(story, refusals, options.tensorflow)
                play(story)
                return code
            for name in (*DEVICES, "pi-3"):
                stage.stop(name)
            return summarise(story, refusals, options.tensorflow)
    except (StepFailed, EdgemlError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
