"""What a tool imports and builds on, loaded once by the server that each tool is forked from (see ``kills``)."""

import gc

import timm  # noqa: F401 (with the model; most of a second)
from mmengine.visualization import LocalVisBackend  # noqa: F401

import spondylo_mm.apis.testing
import spondylo_mm.apis.training
import spondylo_mm.datasets.prepare
import spondylo_mm.plugin  # noqa: F401

gc.freeze()  # a collection in a fork would visit, and so copy, all that was imported
