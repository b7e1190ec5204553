"""What a radiograph looks like, in numbers: grey levels, gradients and spectra on the spine and around it."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 640  # px; all images are measured squashed to this square, as a model is given them
GREY_BINS = np.linspace(0, 256, 33)
GRADIENT_BINS = np.concatenate([[0.0], np.geomspace(0.5, 128, 25)])  # grey levels per pixel
PATCH = 64  # px of the windows whose spectra are averaged
SPECTRUM_BINS = np.linspace(1, PATCH // 2, 16)  # cycles per window
REGIONS = ('spine', 'around')
_AROUND = 1.6  # body breadths from the midline that count as around the spine


def regions(midline: np.ndarray, breadth: float) -> dict[str, np.ndarray]:
    """Masks ``(SIZE, SIZE)`` on the bodies and beside them, from a midline ``(M, 2)`` px and a body's breadth in px."""
    masks = {}
    for name, reach in zip(REGIONS, (0.5, _AROUND), strict=True):
        layer = np.zeros((SIZE, SIZE), np.uint8)
        cv2.polylines(layer, [np.round(midline).astype(np.int32)], False, 1, max(round(2 * reach * breadth), 1))
        masks[name] = layer.astype(bool)
    masks['around'] &= ~masks['spine']
    return masks


def measure(image: np.ndarray, midline: np.ndarray, breadth: float) -> dict[str, dict[str, np.ndarray]]:
    """Per region: shares of grey levels and of gradient magnitudes, log power by frequency, and single figures."""
    image = image.astype(np.float32)
    gradient = cv2.magnitude(
        cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=0.125)
    )
    found = {}
    for name, mask in regions(midline, breadth).items():
        grey, slope = image[mask], gradient[mask]
        spectrum = _spectrum(image, mask)
        found[name] = {
            'grey': np.histogram(grey, GREY_BINS)[0] / len(grey),
            'gradient': np.histogram(np.minimum(slope, 127), GRADIENT_BINS)[0] / len(slope),
            'spectrum': spectrum,
            'figures': {
                'grey, median': float(np.median(grey)),
                'grey, 5th percentile': float(np.percentile(grey, 5)),
                'grey, 95th percentile': float(np.percentile(grey, 95)),
                'grey, sd': float(grey.std()),
                'gradient, median': float(np.median(slope)),
                'gradient, 95th percentile': float(np.percentile(slope, 95)),
                'gradient, 95th over median': float(np.percentile(slope, 95) / max(np.median(slope), 0.05)),
                'power at 2-5 cycles, log10': float(spectrum[:2].mean()),
                'power at 9-15 cycles, log10': float(spectrum[4:7].mean()),
                'power over 22 cycles, log10': float(spectrum[10:].mean()),
                'spectral slope': float(
                    np.polyfit(np.log10(0.5 * (SPECTRUM_BINS[1:] + SPECTRUM_BINS[:-1])), spectrum, 1)[0]
                ),
            },
        }
    return found


def _spectrum(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """log10 of the mean radial power of windows that lie mostly in ``mask``; ``(len(SPECTRUM_BINS) - 1,)``."""
    window = np.outer(np.hanning(PATCH), np.hanning(PATCH)).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(PATCH)[:, None], np.fft.rfftfreq(PATCH)[None]) * PATCH
    ring = np.digitize(frequency, SPECTRUM_BINS) - 1
    centers = np.argwhere(mask[PATCH // 2 : -PATCH // 2 : PATCH // 4, PATCH // 2 : -PATCH // 2 : PATCH // 4])
    power = []
    for row, column in centers * (PATCH // 4):
        patch = image[row : row + PATCH, column : column + PATCH]
        transformed = np.fft.rfft2((patch - patch.mean()) * window)
        power.append(np.abs(transformed) ** 2 / (window**2).sum())
    mean = np.mean(power, axis=0)
    rings = range(len(SPECTRUM_BINS) - 1)
    return np.log10([mean[ring == each].mean() + 1e-3 for each in rings])
