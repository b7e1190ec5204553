"""U-Net (Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28) with bilinear upsampling, as an MMPose backbone.

MMPose has none; mmsegmentation's has other widths and would be one more package of the stack to install.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError


class DoubleConv(nn.Sequential):
    """Twice 3x3 convolution, BatchNorm and ReLU, (B, ``in_channels``, h, w) to (B, ``out_channels``, h, w).

    The convolutions have no bias: BatchNorm would subtract it. Dropout at the end drops whole channels, because
    neighbouring pixels of a feature map tell the same (Tompson et al. 2015, doi 10.1109/CVPR.2015.7298664).
    """

    def __init__(self, in_channels: int, mid_channels: int, out_channels: int, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Conv2d(in_channels, mid_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
        )


@MODELS.register_module()
class UNet(BaseBackbone):
    """Features at every level of the decoder, the last at full resolution.

    With the defaults the encoder is 64-128-256-512-512 channels wide and the decoder 256-128-64-64. A level of the
    decoder joins its skip with as many upsampled channels, halves them in its first convolution and narrows them to the
    width of the next skip in its second. Images may have any size from 2**depth pixels.

    Args:
        in_channels: of the image.
        base_channels: width of the first level.
        depth: number of times the resolution is halved.
        encoder_dropout: share of channels dropped at the end of each level below the first, from fine to coarse.
        decoder_dropout: the same for each level of the decoder, from coarse to fine.
        init_cfg: mmengine's; Kaiming's normal distribution by default.

    Raises:
        InputError: dropouts that are not one per level.
    """

    def __init__(
        self,
        in_channels: int = 3,
        base_channels: int = 64,
        depth: int = 4,
        encoder_dropout: Sequence[float] = (0.2, 0.2, 0.3, 0.4),
        decoder_dropout: Sequence[float] = (0.3, 0.2, 0.1, 0.0),
        init_cfg: dict | list | None = None,
    ) -> None:
        for name, dropout in (('encoder_dropout', encoder_dropout), ('decoder_dropout', decoder_dropout)):
            if len(dropout) != depth:
                raise InputError(f'UNet: {name}={tuple(dropout)}: give one number for each of depth={depth} levels')
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        skips = [base_channels * 2**level for level in range(depth)]
        # The coarsest level is no wider: bilinear upsampling has no convolution to narrow it to its skip.
        widths = [*skips, skips[-1]]
        self.encoder = nn.ModuleList([DoubleConv(in_channels, base_channels, base_channels)])
        for above, width, dropout in zip(widths, widths[1:], encoder_dropout, strict=False):
            self.encoder.append(DoubleConv(above, width, width, dropout))
        self.decoder = nn.ModuleList()
        for skip, next_skip, dropout in zip(skips[::-1], [*skips[-2::-1], base_channels], decoder_dropout, strict=True):
            self.decoder.append(DoubleConv(2 * skip, skip, next_skip, dropout))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Images (B, ``in_channels``, H, W) to ``depth`` feature maps, the last (B, ``base_channels``, H, W)."""
        x = self.encoder[0](x)
        skips = []
        for level in self.encoder[1:]:
            skips.append(x)
            x = level(F.max_pool2d(x, 2))
        features = []
        for level, skip in zip(self.decoder, reversed(skips), strict=True):
            # corner pixels on corner pixels, as the codec's frames; to the size of the skip, which may be odd
            x = F.interpolate(x, size=skip.shape[2:], mode='bilinear', align_corners=True)
            x = level(torch.cat([skip, x], dim=1))
            features.append(x)
        return tuple(features)
