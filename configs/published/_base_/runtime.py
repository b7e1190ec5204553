# As _base_/default_runtime.py, and the switches of published_faults.py registered.
import os
import sys

_base_ = ['../../_base_/default_runtime.py']

sys.path.append(os.path.dirname('{{ fileDirname }}'))  # configs/published is no package
custom_imports = dict(imports=['spondylo_mm.plugin', 'published_faults'])

default_hooks = dict(one_numbering=dict(type='OneNumbering'))
