"""From a batch of grey radiographs to what an RGB backbone expects."""

from __future__ import annotations

from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS


@MODELS.register_module()
class GreyDataPreprocessor(PoseDataPreprocessor):
    """Normalise single-channel images on the device and show them to the model as three equal channels.

    The same for every split, by construction: it is part of the model, not of a pipeline. Workers send one byte per
    pixel.

    Args:
        mean: grey level subtracted, in 0 … 255.
        std: grey level divided by.
    """

    def __init__(self, mean: float, std: float, **kwargs) -> None:
        super().__init__(mean=[mean], std=[std], **kwargs)

    def forward(self, data: dict, training: bool = False) -> dict:
        data = super().forward(data, training)
        data['inputs'] = data['inputs'].expand(-1, 3, -1, -1)
        return data
