"""Spines to test on: five real ones, and synthetic ones with exact truth."""

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR
from spondylo_mm.phantom.geometry import sample_spine
from spondylo_mm.phantom.view import sample_framing

# TL TR BL BR of every labelled vertebra, S1 first, of five radiographs of the Spondylolisthesis Vertebral Landmark
# Dataset (Reyes et al. 2025, CC BY 4.0). Roles from the two known orders on disk (ids below 3700: BL BR TL TR; from
# 3700 on: TL BL BR TR), and seen to be right on the radiographs.
_REAL_CORNERS = {
    '3209-F-073Y1': """
        344 358 406 331 410 380 446 363   308 311 377 288 327 346 395 324   283 263 355 244 298 300 371 281
        273 204 343 196 276 247 354 237   283 142 356 144 275 185 349 189   304 87 376 93 288 124 360 137
        324 39 392 49 309 73 377 87       357 1 405 9 331 28 396 37""",
    '2783-M-046Y1': """
        327 352 395 322 372 384 416 362   315 279 389 270 320 322 386 312   327 207 408 216 320 246 394 256
        353 144 439 156 341 183 421 203   383 84 465 99 372 122 448 145     411 29 488 39 396 64 472 87""",
    '3039-M-035Y1': """
        292 407 355 371 348 435 384 410   271 336 347 320 273 374 352 359   268 271 337 264 268 312 347 303
        277 204 340 204 273 249 343 250   285 144 356 151 280 189 350 195   296 91 369 94 291 132 361 138
        303 37 369 43 297 77 364 83""",
    '3101-M-036Y1': """
        263 423 367 408 335 470 412 447   204 371 325 352 234 415 356 392   182 301 335 295 192 344 331 336
        215 231 367 232 206 269 352 276   249 152 388 160 229 202 380 211   269 98 404 104 257 139 393 148""",
    '4411-M-029Y1': """
        328 390 423 376 421 446 500 437   303 327 421 320 318 375 420 361   276 276 389 257 291 316 408 298
        255 216 359 196 271 262 380 240   239 148 342 135 251 191 362 183   227 90 337 73 232 132 348 124
        214 32 325 19 228 72 336 66""",
}


@pytest.fixture(params=_REAL_CORNERS)
def real_spine(request) -> tuple[str, np.ndarray]:
    """Name and corners ``(n, 4, 2)``, most caudal first, of one real radiograph."""
    return request.param, np.array(_REAL_CORNERS[request.param].split(), float).reshape(-1, 4, 2)


@pytest.fixture(scope='session')
def phantom_spines() -> list[np.ndarray]:
    """Corners, most caudal first, of 150 synthetic spines with all slips, each squashed and as it was taken."""
    rng = np.random.default_rng(0)
    spines = []
    while len(spines) < 300:
        spine, visible = sample_spine(rng), int(rng.integers(5, 11))
        framing = sample_framing(rng, spine, visible)
        if framing is not None:
            labelled = int(rng.integers(3, visible + 1))
            spines += [view.corners(spine)[:labelled] for view in (framing.squashed(640), framing.original(640))]
    return spines


def _body(tilt, width=1.3, height=1.0):
    """A vertebra whose upper endplate faces ``tilt`` degrees to the left of straight up."""
    angle = np.radians(tilt)
    across, down = np.array([np.cos(angle), -np.sin(angle)]), np.array([np.sin(angle), np.cos(angle)])
    half_width, half_height = width / 2 * across, height / 2 * down
    left, right = -half_width, half_width
    return np.array([left - half_height, right - half_height, left + half_height, right + half_height])


def _stacked(tilts, disc=0.3, slips=None):
    """Bodies of these tilts, most caudal first, each on the one below, moved left by ``slips`` of its width."""
    spine = [_body(tilts[0])]
    for tilt, slip in zip(tilts[1:], slips or [0] * (len(tilts) - 1), strict=True):
        tl, tr, bl, _ = spine[-1]
        upper_endplate = (tl + tr) / 2 + disc * (tl - bl) + slip * (tl - tr)
        upper = _body(tilt)
        spine.append(upper + upper_endplate - upper[[BL, BR]].mean(axis=0))
    return np.array(spine)


@pytest.fixture
def stacked():
    """Builds a spine from its tilts: ``_stacked``."""
    return _stacked


@pytest.fixture
def shuffled():
    """Puts vertebrae, and the points of each, in any order."""

    def shuffle(spine: np.ndarray, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.stack([rng.permutation(corners) for corners in rng.permutation(spine)])

    return shuffle
