"""Loads torchvision, and transformers which wants it, beside a build of PyTorch for CPUs."""

from types import ModuleType
from typing import Any


def torchvision() -> ModuleType:
    """Its networks are plain Python; its compiled operators, which want CUDA, are not loaded.

    It says what shapes these give while it loads, to a PyTorch that has not heard of them.
    """
    import torch

    kept: Any = torch.library.register_fake
    torch.library.register_fake = lambda *_, **__: lambda function: function
    try:
        import torchvision
        import torchvision.models
    finally:
        torch.library.register_fake = kept
    return torchvision


def transformers() -> ModuleType:
    torchvision()
    import transformers

    return transformers
