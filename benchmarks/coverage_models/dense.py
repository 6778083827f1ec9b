"""Detection, segmentation, pose and video: networks that answer with more than one class."""

from typing import Any

from coverage_models.architecture import Architecture, image, video
from coverage_models.packages import torchvision, transformers


def _heads(detector: Any) -> Any:
    """A torchvision detector between the resizing of images and the choice of boxes."""
    import torch

    class Heads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.head = detector.backbone, detector.head

        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            return self.head(list(self.backbone(image).values()))

    return Heads()


def ssdlite() -> Any:
    make = torchvision().models.detection.ssdlite320_mobilenet_v3_large
    return _heads(make(weights=None, weights_backbone=None, num_classes=21))


def _fpn(levels: list[int]) -> Any:
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    return resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, trainable_layers=5, returned_layers=levels
    )


def retinanet() -> Any:
    torchvision()
    from torchvision.models.detection import RetinaNet

    return _heads(RetinaNet(_fpn([2, 3, 4]), num_classes=20))


def fcos() -> Any:
    torchvision()
    from torchvision.models.detection import FCOS

    return _heads(FCOS(_fpn([2, 3, 4]), num_classes=20))


def segmentation(name: str) -> Any:
    models = torchvision().models.segmentation
    return lambda: getattr(models, name)(weights=None, weights_backbone=None, num_classes=21)


def r3d() -> Any:
    return torchvision().models.video.r3d_18(weights=None, num_classes=50)


def hrnet() -> Any:
    """HRNet's features with a head of heatmaps, as for pose (Sun et al. 2019)."""
    torchvision()
    import timm
    import torch

    class Pose(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = timm.create_model(
                "hrnet_w18_small", pretrained=False, features_only=True, out_indices=(1,)
            )
            channels = self.features.feature_info.channels()[0]
            self.head = torch.nn.Conv2d(channels, 17, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.head(self.features(image)[0])

    return Pose()


def vitpose() -> Any:
    package = transformers()
    backbone = package.VitPoseBackboneConfig(
        image_size=[64, 48], patch_size=[16, 16], hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, out_indices=[2],
    )  # fmt: skip
    config = package.VitPoseConfig(backbone_config=backbone, num_labels=17)
    return package.VitPoseForPoseEstimation(config)


def yolos() -> Any:
    package = transformers()
    config = package.YolosConfig(
        image_size=[64, 64], hidden_size=32, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=64, num_detection_tokens=10, num_labels=20,
    )  # fmt: skip
    return package.YolosForObjectDetection(config)


def detr() -> Any:
    package = transformers()
    backbone = package.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1],
        out_features=["stage4"],
    )  # fmt: skip
    config = package.DetrConfig(
        backbone_config=backbone, d_model=32, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, num_queries=10, num_labels=20,
    )  # fmt: skip
    return package.DetrForObjectDetection(config)


def segformer() -> Any:
    package = transformers()
    config = package.SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 40, 64], num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=32, num_labels=19,
    )  # fmt: skip
    return package.SegformerForSemanticSegmentation(config)


def videomae() -> Any:
    package = transformers()
    config = package.VideoMAEConfig(
        image_size=32, patch_size=8, num_frames=4, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, num_labels=20,
    )  # fmt: skip
    return package.VideoMAEForVideoClassification(config)


_IMAGE, _PIXELS = {"image": image(64)}, {"pixel_values": image(64)}
ARCHITECTURES = [
    Architecture("ssdlite320_mobilenet_v3", "detection heads", "torchvision", ssdlite, _IMAGE),
    Architecture("retinanet_resnet18_fpn", "detection heads", "torchvision", retinanet, _IMAGE),
    Architecture("fcos_resnet18_fpn", "detection heads", "torchvision", fcos, _IMAGE),
    Architecture("yolos", "detection", "transformers", yolos, _PIXELS),
    Architecture("detr_resnet", "detection", "transformers", detr, _PIXELS),
    *(
        Architecture(
            name, "segmentation", "torchvision", lambda name=name: segmentation(name)(),
            {"input" if name.startswith("lraspp") else "x": image(64)}, name.startswith("lraspp"),
            classes=21 if name.startswith("lraspp") else 0,
            meaning=tuple(f"{output}=logits,axis=1" for output in outputs),
        )
        for name, outputs in (
            ("lraspp_mobilenet_v3_large", ("out",)),
            ("deeplabv3_mobilenet_v3_large", ("out",)),
        )
    ),
    Architecture(
        "segformer", "segmentation", "transformers", segformer, _PIXELS, True,
        classes=19, meaning=("logits=logits,axis=1",),
    ),
    Architecture("hrnet_w18_small", "pose", "timm", hrnet, _IMAGE),
    Architecture(
        "vitpose", "pose", "transformers", vitpose,
        {"pixel_values": lambda *call: image(64)(*call)[..., :48].copy()},
    ),
    Architecture("r3d_18", "video", "torchvision", r3d, {"x": video(8, 32, channels_first=True)}),
    Architecture(
        "videomae", "video", "transformers", videomae,
        {"pixel_values": video(4, 32, channels_first=False)},
    ),
]  # fmt: skip
