from __future__ import annotations

import re

import pytest

from spondylo_mm.phantom.plan import plan

COUNTS = {'train': 60, 'val': 30, 'test': 10}
NAME = re.compile(r'(\d{4})-[FM]-0\d\dY1_jpg\.rf\.[0-9a-f]{32}\.jpg')


def test_names_and_folders_are_those_of_the_real_dataset():
    specs = plan(COUNTS, seed=1, style='mixed')
    for spec in specs:
        folder, name = spec.path.rsplit('/', 1)
        if spec.split == 'test':
            assert folder == 'Test' and re.fullmatch(r'(\d{4})-[FM]-0\d\dY1\.jpg', name)
            assert spec.kind is None and spec.label_format is None
        else:
            assert folder == f'Train/Keypointrcnn_data/images/{spec.split}' and NAME.fullmatch(name)
            assert spec.label_path == f'Train/Keypointrcnn_data/labels/{spec.split}/{name[:-4]}.json'
        assert name.startswith(spec.patient) and spec.stem == name[: len('3209-F-073Y1')]
    assert len({spec.path for spec in specs}) == 100
    assert len({spec.patient for spec in specs}) == 100  # no patient twice


def test_the_patient_id_tells_the_kind_of_label():
    labelled = [spec for spec in plan(COUNTS, seed=1, style='mixed') if spec.split != 'test']
    assert all((int(spec.patient) >= 3700) == (spec.kind == 'loose') for spec in labelled)
    share = sum(spec.kind == 'loose' for spec in labelled) / len(labelled)
    assert share == pytest.approx(214 / 501, abs=0.05)


@pytest.mark.parametrize('style', ['tight', 'loose'])
def test_a_style_makes_labels_of_one_kind(style):
    assert {spec.kind for spec in plan(COUNTS, seed=1, style=style)} == {style, None}


def test_plans_depend_on_the_seed_only():
    assert plan(COUNTS, 1, 'mixed') == plan(COUNTS, 1, 'mixed')
    assert {spec.path for spec in plan(COUNTS, 1, 'mixed')}.isdisjoint(spec.path for spec in plan(COUNTS, 2, 'mixed'))


@pytest.mark.parametrize('style', ['tight', 'loose'])
def test_a_dataset_larger_than_the_real_one_still_has_every_patient_once(style):
    specs = plan({'train': 4200, 'val': 100, 'test': 0}, 1, style)
    assert len({spec.patient for spec in specs}) == 4300
    assert all(re.match(r'\d+-[FM]-0\d\dY1', spec.stem) for spec in specs)
