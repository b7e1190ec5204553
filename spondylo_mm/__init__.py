"""spondylo_mm: corners of lumbar vertebrae on lateral radiographs, and what they mean, as an MMPose plugin.

Importing this package is cheap: it loads no torch and no mm package. A config registers everything with
``custom_imports = dict(imports=['spondylo_mm.plugin'])``.
"""

__version__ = '0.1.0'
