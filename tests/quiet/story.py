"""What people do with edgeml on one machine, command by command, in the current folder.

Ends with an error when a command does. A program of its own, so that one strace sees all of it; it
imports nothing of edgeml's, so that each command has to keep quiet by itself.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

MODEL = '''"""A model that somebody trained."""

import torch


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
'''
KERAS_MODEL = '''"""Another, trained with Keras."""

import keras


def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(4)]
    return keras.Sequential(layers)
'''
EDGEML = [sys.executable, "-m", "edgeml.cli"]
DEADLINE_SECONDS = 60.0


def edgeml(*arguments: str) -> str:
    done = subprocess.run([*EDGEML, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"edgeml {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def started(log: str, *command: str) -> subprocess.Popen[bytes]:
    with Path(log).open("wb") as stream:
        return subprocess.Popen(command, stdout=stream, stderr=stream)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain for {what}: {[p.read_text() for p in Path().glob('*.log')]}")
        threading.Event().wait(0.1)


def main() -> None:
    Path("net.py").write_text(MODEL)
    x = np.random.default_rng(0).normal(size=(160, 8)).astype(np.float32)
    np.savez("data.npz", input=x)
    edgeml("doctor")
    data = ("--data", "data.npz")
    role = ("--output", "output=embedding")  # which forgives a net without training its noise
    options = ("--to", "onnx,tflite", *data)
    edgeml("convert", "net.py:model", "--out", "net", "--precision", "fp32,int8", *options, *role)
    Path("keras_net.py").write_text(KERAS_MODEL)
    edgeml("convert", "keras_net.py:model", "--out", "keras-net", "--no-profile", *options)
    for version in ("1", "2"):
        edgeml("package", "net", "--name", "net", "--version", version)
    edgeml("inspect", "net-1.edgeml")
    edgeml("compare", "net/onnx-fp32/model.onnx", "net/tflite-fp32/model.tflite", *data)
    edgeml("profile", "net-1.edgeml", "--seconds", "0.2")
    fleet()


def fleet() -> None:
    broker = started("broker.log", *EDGEML, "broker", "--port", "0")
    running = [broker]
    try:
        until(lambda: "mqtt://" in Path("broker.log").read_text(), "the broker")
        said = Path("broker.log").read_text()
        url = next(word for word in said.split() if word.startswith("mqtt://")).rstrip(".,;")
        home = ("--broker", url, "--fleet", "home")
        watched = ("--db", "home.db", "--plain")
        running.append(started("monitor.log", *EDGEML, "monitor", *home, *watched))
        device = ("--device", "pi-1", "--model", "net", "--store", "store", "--http", "127.0.0.1:0")
        daemon = [sys.executable, "-m", "edgeml_runtime", *home, *device, "--report-seconds", "0.5"]
        until(Path("home.db").exists, "the monitor")
        running.append(started("device.log", *daemon, "--replay", "data.npz", "--rate", "50"))
        for version in ("1", "2"):
            edgeml("publish", f"net-{version}.edgeml", *home)
            until(partial(device_runs, version), f"version {version} on the device")
        edgeml("devices", "--db", "home.db")
        if any(process.poll() is not None for process in running):
            sys.exit("a service ended by itself")
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def device_runs(version: str) -> bool:
    """False while the monitor knows no device, which `edgeml devices` says by its exit code."""
    command = [*EDGEML, "devices", "--db", "home.db", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    devices = [] if done.returncode else json.loads(done.stdout)["devices"]
    models = [model for device in devices for model in device["models"]]
    return any(model["version"] == version for model in models)


if __name__ == "__main__":
    main()
