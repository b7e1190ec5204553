"""The worst images first."""

import csv
import shutil

import cv2
import numpy as np
import pytest

from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.visualizing import (
    RankedImage,
    heatmap_to_image,
    predict_heatmaps,
    title_of,
    vertebrae_to_draw,
    visualize,
)
from spondylo_mm.datasets.transforms.geometry import apply_to_points
from spondylo_mm.errors import InputError


@pytest.fixture(scope='module')
def inferencer(tiny_config, trained, phantoms):
    return SpineInferencer(tiny_config, trained, data_root=str(phantoms), device='cpu')


@pytest.fixture(scope='module')
def samples(inferencer):
    return list(inferencer.predict(inferencer.dataset_of_split('val'), on_error=pytest.fail))


def errors_of(sample):
    """(S, 4) distances in px@512, NaN where nothing is labelled, by the definition."""
    true, predicted = sample.gt_instances.keypoints[0], sample.pred_instances.keypoints[0]
    errors = np.linalg.norm(predicted - true, axis=1) * 512 / max(sample.ori_shape)
    return np.where(sample.gt_instances.keypoints_visible[0] > 0, errors, np.nan).reshape(10, 4)


def test_images_are_ranked_by_their_strict_error(inferencer, samples, tmp_path):
    drawn = visualize(inferencer, tmp_path, split='val', on_error=pytest.fail)
    expected = {sample.file_name: np.nanmean(errors_of(sample)) for sample in samples}
    order = sorted(expected, key=expected.get, reverse=True)
    assert [image.sample.file_name for image in drawn] == order
    assert [image.mre for image in drawn] == pytest.approx(sorted(expected.values(), reverse=True), rel=1e-4)
    rows = list(csv.DictReader((tmp_path / 'ranking.csv').open()))
    assert [row['file_name'] for row in rows] == order and [row['rank'] for row in rows] == ['1', '2', '3']
    names = sorted(path.name for path in (tmp_path / 'pictures').iterdir())
    stems = [name.split('/')[-1].removesuffix('.jpg') for name in order]
    assert names == [f'{rank:03}_{stem}.png' for rank, stem in enumerate(stems, start=1)]


def test_the_worst_level_is_that_of_the_largest_mean_error(inferencer, samples, tmp_path):
    (worst,) = visualize(inferencer, tmp_path, split='val', worst=1, on_error=pytest.fail)
    (sample,) = [sample for sample in samples if sample.file_name == worst.sample.file_name]
    levels = np.nanmean(errors_of(sample)[:5], axis=1)  # every phantom is labelled up to L2 at least
    assert worst.worst_level_mre >= levels.max() * (1 - 1e-6)
    assert worst.matched_mre <= worst.mre <= worst.worst_level_mre
    title = title_of(worst, '#1 of 3: ')
    assert title[0].startswith('#1 of 3: ') and '/' not in title[0]
    assert f'MRE {worst.mre:.1f} px@512' in title[1]
    assert f'worst level {worst.worst_level} {worst.worst_level_mre:.1f}' in title[1]


def test_only_the_worst_are_drawn_but_all_are_ranked(inferencer, tmp_path):
    visualize(inferencer, tmp_path, split='val', worst=2, heatmaps=True, on_error=pytest.fail)
    names = sorted(path.name[:3] + path.stem[-9:] for path in (tmp_path / 'pictures').iterdir())
    assert len(names) == 4 and [name for name in names if name.endswith('_heatmaps')] == [
        '001_heatmaps',
        '002_heatmaps',
    ]
    assert len((tmp_path / 'ranking.csv').read_text().splitlines()) == 4


def test_pictures_of_an_earlier_call_do_not_mix_with_these(inferencer, tmp_path, phantoms):
    visualize(inferencer, tmp_path, split='val', heatmaps=True, on_error=pytest.fail)
    visualize(inferencer, tmp_path, images=[str(phantoms / 'Test')], on_error=pytest.fail)
    blind = sorted(path.stem for path in (phantoms / 'Test').iterdir())
    assert sorted(path.name for path in (tmp_path / 'pictures').iterdir()) == [f'{stem}.png' for stem in blind]
    assert not (tmp_path / 'ranking.csv').exists()


def test_a_labelled_vertebra_is_drawn_though_the_model_judges_it_absent(samples):
    sample = samples[0]
    presence = sample.pred_instances.presence
    labelled = np.flatnonzero(np.isfinite(errors_of(sample)).all(axis=1)).tolist()
    sample.pred_instances.presence = np.full((1, 10), 0.1)
    try:
        drawn = vertebrae_to_draw(sample)
        title = title_of(RankedImage(sample, 1.0, 1.0, 'L5', 1.0), '')
    finally:
        sample.pred_instances.presence = presence
    assert [vertebra['slot'] for vertebra in drawn] == labelled
    assert {vertebra['presence'] for vertebra in drawn} == {0.1}  # as it is, not as it should be
    assert title[-1] == 'judged absent: ' + ', '.join(vertebra['level'] for vertebra in drawn)


@pytest.mark.parametrize('fit', ['StretchToInput', 'LetterboxToInput'])
def test_heatmaps_are_laid_over_the_part_of_the_image_that_the_model_saw(tiny_config, trained, phantoms, fit):
    """Outermost pixel centres on each other: the image's own, or of a square as high as the image and centred on it."""
    inferencer = SpineInferencer(
        tiny_config, trained, device='cpu', options=[f'test_dataloader.dataset.pipeline.1.type={fit}']
    )
    dataset = inferencer.dataset_of_images({path.name: path for path in (phantoms / 'Test').iterdir()})
    images = [RankedImage(sample, 0, 0, None, 0) for sample in inferencer.predict(dataset, on_error=pytest.fail)]
    asked = images[::-1]
    for image, sample in zip(asked, predict_heatmaps(inferencer, dataset, asked, pytest.fail), strict=True):
        assert sample.file_name == image.sample.file_name
        assert sample.pred_fields.heatmaps.shape == (40, 16, 16)
        height, width = sample.ori_shape
        assert height > 1.2 * width
        margin = 0 if fit == 'StretchToInput' else (height - width) / 2
        corners = apply_to_points(heatmap_to_image(sample), np.array([[0.0, 0.0], [15.0, 15.0]]))
        assert corners == pytest.approx(np.array([[-margin, 0], [width - 1 + margin, height - 1]]), abs=1e-6)


def test_heatmaps_are_drawn_of_models_that_look_closer(tiny_config, trained, phantoms, tmp_path, monkeypatch):
    """What they look closer at is a part of the image, which they read again."""
    monkeypatch.setattr('spondylo_mm.apis.coarse_to_fine.PRESENCE_THRESHOLD', 0.0)  # two epochs find nothing surely
    inferencer = SpineInferencer(tiny_config, trained, data_root=str(phantoms), device='cpu')
    inferencer.model.test_cfg.update(coarse_to_fine=True, closeups=True)
    visualize(inferencer, tmp_path, split='val', worst=2, heatmaps=True, on_error=pytest.fail)
    assert len(list((tmp_path / 'pictures').glob('*_heatmaps.png'))) == 2


def test_the_inferencer_is_as_before_once_heatmaps_are_drawn(inferencer, tmp_path):
    visualize(inferencer, tmp_path, split='val', worst=1, heatmaps=True, on_error=pytest.fail)
    (sample, *_) = inferencer.predict(inferencer.dataset_of_split('val'), on_error=pytest.fail)
    assert 'pred_fields' not in sample


def test_nothing_can_be_ranked_without_labels(inferencer, tmp_path, phantoms):
    for what in (dict(split='test'), dict(images=[str(phantoms / 'Test')])):
        with pytest.raises(InputError, match='--worst 1: nothing is labelled'):
            visualize(inferencer, tmp_path / 'out', **what, worst=1, on_error=pytest.fail)
    assert not (tmp_path / 'out').exists()


def test_the_training_split_can_be_searched_for_wrong_labels(inferencer, tmp_path):
    assert len(visualize(inferencer, tmp_path, split='train', worst=3, on_error=pytest.fail)) == 3


def test_an_unreadable_image_is_named_and_the_others_are_drawn(inferencer, tmp_path, phantoms):
    films = tmp_path / 'films'
    shutil.copytree(phantoms / 'Test', films)
    (films / 'a.png').touch()
    errors = []
    drawn = visualize(inferencer, tmp_path / 'out', images=[str(films)], heatmaps=True, on_error=errors.append)
    assert len(drawn) == 2 and 'a.png' in str(*errors)
    for path in (tmp_path / 'out' / 'pictures').iterdir():
        assert cv2.imread(str(path)) is not None
    with pytest.raises(InputError, match='none of 1 images'):
        visualize(inferencer, tmp_path / 'out', images=[str(films / 'a.png')], on_error=errors.append)


@pytest.mark.parametrize(
    'name, why', [('pictures/original.png', 'lies where pictures of results go'), ('ranking.csv', 'is no ranking')]
)
@pytest.mark.parametrize('what', ['images', 'split'])
def test_files_of_the_user_are_refused_before_anything_is_predicted(
    inferencer, phantoms, tmp_path, monkeypatch, name, why, what
):
    """Neither removed nor overwritten, in a folder of films as in one of prepared data."""
    films = tmp_path / 'films'
    shutil.copytree(phantoms / 'Test', films)
    (films / name).parent.mkdir(exist_ok=True)
    shutil.copy(next((phantoms / 'Test').iterdir()), films / name)
    before = {path: path.read_bytes() for path in films.rglob('*') if path.is_file()}
    monkeypatch.setattr(inferencer, 'predict', lambda *_, **__: pytest.fail('predicts'))
    of = dict(images=[str(films)]) if what == 'images' else dict(split='val')
    with pytest.raises(InputError, match=f'{name}: {why}.*choose another output folder$'):
        visualize(inferencer, films, **of, on_error=pytest.fail)
    assert {path: path.read_bytes() for path in films.rglob('*') if path.is_file()} == before


def test_pictures_stay_where_nothing_comes_in_their_place_and_so_do_those_of_others(inferencer, tmp_path, monkeypatch):
    visualize(inferencer, tmp_path, split='val', on_error=pytest.fail)
    pictures, predict = tmp_path / 'pictures', inferencer.predict
    before = {path.name for path in pictures.iterdir()}
    (tmp_path / 'empty.png').touch()
    with pytest.raises(InputError, match='none of 1 images'):
        visualize(inferencer, tmp_path, images=[str(tmp_path / 'empty.png')], on_error=lambda _: None)
    assert {path.name for path in pictures.iterdir()} == before and (tmp_path / 'ranking.csv').is_file()

    def as_the_user_saves_one(*args, **kwargs):
        cv2.imwrite(str(pictures / 'mine.png'), np.zeros((20, 20), np.uint8))
        return predict(*args, **kwargs)

    monkeypatch.setattr(inferencer, 'predict', as_the_user_saves_one)
    visualize(inferencer, tmp_path, split='val', worst=1, on_error=pytest.fail)
    assert {path.name for path in pictures.iterdir()} == {min(before), 'mine.png'}


@pytest.mark.parametrize('heatmaps', [False, True])
def test_a_film_that_has_gone_once_predicted_is_named_and_the_others_are_drawn(
    inferencer, phantoms, tmp_path, monkeypatch, heatmaps
):
    films, predict = tmp_path / 'films', inferencer.predict
    shutil.copytree(phantoms / 'Test', films)
    gone, stays = sorted(films.iterdir())

    def then_gone(*args, **kwargs):
        yield from predict(*args, **kwargs)
        gone.unlink(missing_ok=True)

    monkeypatch.setattr(inferencer, 'predict', then_gone)
    errors = []
    visualize(inferencer, tmp_path / 'out', images=[str(films)], heatmaps=heatmaps, on_error=errors.append)
    (error,) = errors
    assert str(error).startswith(f'{gone}: ')
    names = {path.name for path in (tmp_path / 'out' / 'pictures').iterdir()}
    assert names == {f'{stays.stem}.png'} | ({f'{stays.stem}_heatmaps.png'} if heatmaps else set())
