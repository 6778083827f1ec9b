"""PyTorch models that are quantised before edgeml sees them, in the ways that PyTorch has."""

from pathlib import Path
from typing import Any

import torch
import torch.ao.quantization
from torch import nn

eager: Any = torch.ao.quantization  # deprecated, and what people have
SAMPLES = 32


class Net(nn.Module):  # type: ignore[misc]
    """The stubs say where eager quantisation begins and ends."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.quant = eager.QuantStub()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.relu = nn.ReLU()
        self.flat = nn.Flatten()
        self.head = nn.Linear(8 * 64, 10)
        self.dequant = eager.DeQuantStub()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.relu(self.conv(self.quant(image)))
        answer: torch.Tensor = self.dequant(self.head(self.flat(maps)))
        return answer


def images(samples: int = SAMPLES) -> torch.Tensor:
    return torch.randn(samples, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def graph() -> Any:
    """What torchao's convert_pt2e gives: uint8 activations, int8 weights that are stored so."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    prepared: Any = prepare_pt2e(_exported(Net().eval()).module(), quantizer)
    prepared(images())
    return convert_pt2e(prepared)


def weights_alone() -> Any:
    """What the same gives where activations are rounded by whoever runs it, if at all."""
    from litert_torch.quantize import pt2e_quantizer
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    config = pt2e_quantizer.get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
    quantizer: Any = pt2e_quantizer.PT2EQuantizer().set_global(config)
    prepared: Any = prepare_pt2e(_exported(Net().eval()).module(), quantizer)
    prepared(images())
    return convert_pt2e(prepared)


def trained(backend: str = "x86") -> Any:
    """As prepare_qat leaves it; x86 rounds to 128 steps alone."""
    net: Any = Net().train()
    net.qconfig = eager.get_default_qat_qconfig(backend)
    prepared = eager.prepare_qat(eager.fuse_modules_qat(net, [["conv", "relu"]]))
    for step in range(4):
        prepared(images()[step::4])
    return prepared.eval()


def packed() -> Any:
    return eager.convert(trained())


def save(path: Path) -> Path:
    torch.export.save(_exported(graph()), path)
    return path


def _exported(module: Any) -> Any:
    shapes = ({0: torch.export.Dim("batch")},)
    return torch.export.export(module, (images(2),), dynamic_shapes=shapes)
