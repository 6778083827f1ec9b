"""Classifiers of torchvision and timm, on images of 64 x 64 where the architecture allows."""

from functools import partial
from typing import Any

from coverage_models.architecture import Architecture, image
from coverage_models.packages import torchvision

SIZE = 64
TORCHVISION = (
    ("mobilenet_v3_small", True), ("efficientnet_b0", False), ("shufflenet_v2_x1_0", True),
    ("regnet_y_400mf", False), ("densenet121", False), ("swin_t", False), ("mnasnet0_5", True),
    ("squeezenet1_1", False), ("resnet18", True),
)  # fmt: skip
# Name -> (whether in int8, what timm.create_model takes beside it).
TIMM: dict[str, tuple[bool, dict[str, Any]]] = {
    "mobilenetv4_conv_small": (True, {}),
    "fastvit_t8": (False, {}),
    "ghostnet_100": (False, {}),
    "repvgg_a0": (False, {}),
    "edgenext_xx_small": (False, {}),
    "mobilevit_xxs": (False, {}),
    "efficientvit_b0": (False, {}),
    "efficientvit_m0": (False, {"img_size": 64}),
    "hardcorenas_a": (True, {}),
    "lcnet_050": (True, {}),
    "tinynet_e": (False, {}),
    "mobileone_s0": (False, {}),
    "convnextv2_atto": (True, {}),
    "vit_tiny_patch16_224": (True, {"img_size": 64}),
    "levit_128s": (False, {"img_size": 64}),
    "tiny_vit_5m_224": (False, {}),
    "xcit_nano_12_p16_224": (False, {"img_size": 64}),
    "poolformer_s12": (False, {}),
}


def from_torchvision(name: str, classes: int) -> Any:
    return getattr(torchvision().models, name)(weights=None, num_classes=classes)


def from_timm(name: str, classes: int, **options: Any) -> Any:
    torchvision()  # which timm loads
    import timm

    return timm.create_model(name, pretrained=False, num_classes=classes, **options)


def _of(name: str, package: str, build: Any, int8: bool) -> Architecture:
    classes = 10 if int8 else 100
    return Architecture(
        name, "classification", package, partial(build, name, classes), {"x": image(SIZE)}, int8,
        classes if int8 else 0,
    )  # fmt: skip


ARCHITECTURES = [
    *(_of(name, "torchvision", from_torchvision, int8) for name, int8 in TORCHVISION),
    *(
        _of(name, "timm", partial(from_timm, **options), int8)
        for name, (int8, options) in TIMM.items()
    ),
]
