"""From a checkpoint to predictions, metrics and overlays."""

import csv
import json
import shutil
import tracemalloc

import cv2
import numpy as np
import pytest
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from spondylo_mm.anatomy import CORNERS, LEVELS
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.errors import InputError


@pytest.fixture(scope='module')
def inferencer(tiny_config, trained, phantoms):
    return SpineInferencer(tiny_config, trained, data_root=str(phantoms), device='cpu')


@pytest.fixture
def everything_present(monkeypatch):
    """Two epochs find nothing surely; lower the bar so that there is something to look at."""
    monkeypatch.setattr('spondylo_mm.apis.predictions.PRESENCE_THRESHOLD', 0.0)


def test_a_labelled_split_gives_predictions_overlays_and_metrics(inferencer, tmp_path):
    result = run_test(inferencer, tmp_path, split='val')
    assert result.num_images == 3 and not result.failures
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics['metrics']['MRE'] == pytest.approx(result.metrics['spondylo/MRE'])
    assert len(list((tmp_path / 'overlays').glob('*.png'))) == 3


def test_memory_holds_the_name_of_a_film_and_not_what_is_known_of_it(inferencer, phantoms, tmp_path):
    (film, *_) = (phantoms / 'Test').iterdir()

    def peak(count: int) -> int:
        films = tmp_path / str(count)
        films.mkdir()
        for number in range(count):
            (films / f'{number:03}.jpg').symlink_to(film)
        tracemalloc.start()
        run_test(inferencer, tmp_path / 'out', images=[str(films)], report=True, coco=True)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(8)  # what is made once
    assert (peak(56) - peak(16)) / 40 < 3000  # bytes; of a record alone some 20,000


def test_a_report_is_written_unless_there_are_too_many_images_or_none_is_wanted(inferencer, tmp_path, monkeypatch):
    report = tmp_path / 'report.html'
    assert run_test(inferencer, tmp_path, split='val').report == report and report.is_file()
    assert run_test(inferencer, tmp_path, split='val', report=False).report is None and not report.exists()
    monkeypatch.setattr('spondylo_mm.apis.testing.MAX_REPORTED', 2)
    assert run_test(inferencer, tmp_path, split='val').report is None and not report.exists()
    assert run_test(inferencer, tmp_path, split='val', report=True).report == report and report.is_file()


def test_blind_images_follow_the_contract(inferencer, phantoms, tmp_path, everything_present):
    result = run_test(inferencer, tmp_path, images=[str(phantoms / 'Test')])
    assert result.metrics is None and not (tmp_path / 'metrics.json').exists()
    content = json.loads((tmp_path / 'predictions.json').read_text())
    assert content['schema'] == 1 and content['model']['config'] == 'tiny.py'
    paths = {path.name: path for path in (phantoms / 'Test').iterdir()}
    assert set(content['images']) == set(paths)
    for name, record in content['images'].items():
        height, width = cv2.imread(str(paths[name]), cv2.IMREAD_GRAYSCALE).shape
        assert (record['width'], record['height']) == (width, height) and height > width
        assert record['facing'] in ('left', 'right', 'unknown')
        taught = inferencer.model.head.taught.reshape(-1, len(CORNERS)).any(dim=1).nonzero().flatten().tolist()
        assert [vertebra['slot'] for vertebra in record['vertebrae']] == taught and len(taught) > 5
        assert record['num_vertebrae'] == len(taught)
        for vertebra in record['vertebrae']:
            assert vertebra['level'] == LEVELS[vertebra['slot']]
            assert tuple(vertebra['corners']) == CORNERS
            for corner in vertebra['corners'].values():
                assert set(corner) == {'x', 'y', 'score'}
                assert 0 <= corner['x'] <= width - 1 and 0 <= corner['y'] <= height - 1
    rows = list(csv.DictReader((tmp_path / 'summary.csv').open()))
    assert [row['file_name'] for row in rows] == sorted(paths)


def test_a_blind_split_equals_the_same_images_by_path(inferencer, phantoms, tmp_path, everything_present):
    by_split = run_test(inferencer, tmp_path / 'a', split='test')
    run_test(inferencer, tmp_path / 'b', images=[str(phantoms / 'Test')])
    assert by_split.metrics is None
    a, b = (json.loads((tmp_path / name / 'predictions.json').read_text())['images'] for name in 'ab')
    assert [record['vertebrae'] for record in a.values()] == [record['vertebrae'] for record in b.values()]


def test_no_metric_sees_a_blind_split(inferencer, tmp_path, monkeypatch):
    """A user's own need not know what to make of an image without labels."""

    @METRICS.register_module(force=True)
    class LabelledOnly(BaseMetric):
        def __init__(self, metrics_file: str) -> None:
            super().__init__()

        def process(self, data_batch: object, data_samples: list) -> None:
            pytest.fail('has been given an image without labels')

        compute_metrics = None

    monkeypatch.setitem(inferencer.config, 'test_evaluator', dict(type='LabelledOnly'))
    assert run_test(inferencer, tmp_path, split='test').metrics is None


def test_coordinates_do_not_depend_on_how_the_image_is_stored(inferencer, phantoms, tmp_path, everything_present):
    """The same film at half the size has the same corners at half the coordinates, up to resampling."""
    source = next((phantoms / 'Test').iterdir())
    image = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)[:1024, :512]
    cv2.imwrite(str(tmp_path / 'full.png'), image)
    cv2.imwrite(str(tmp_path / 'half.png'), cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    records = inferencer([tmp_path])

    def corners(name: str) -> np.ndarray:
        listed = [corner for vertebra in records[name]['vertebrae'] for corner in vertebra['corners'].values()]
        return np.array([[corner['x'], corner['y']] for corner in listed])

    heatmap_pixel = np.array([255, 511]) / 15  # of the smaller image
    apart = np.abs(corners('full.png') / 2 - corners('half.png')) / heatmap_pixel
    assert np.median(apart) < 0.3  # two epochs leave maps flat: the noise of resampling moves their peaks


def test_an_unreadable_image_is_named_and_the_others_are_done(inferencer, phantoms, tmp_path):
    films = tmp_path / 'films'
    shutil.copytree(phantoms / 'Test', films)
    (films / 'broken.jpg').write_bytes(next((phantoms / 'Test').iterdir()).read_bytes()[:3000])
    (films / 'empty.png').touch()
    result = run_test(inferencer, tmp_path / 'out', images=[str(films)])
    assert result.num_images == 2
    assert len(result.failures) == 2 and 'broken.jpg' in result.failures[0] and 'empty.png' in result.failures[1]


def test_nothing_is_written_when_no_image_can_be_read(inferencer, tmp_path):
    (tmp_path / 'empty.png').touch()
    with pytest.raises(InputError, match='empty.png'):
        run_test(inferencer, tmp_path / 'out', images=[str(tmp_path / 'empty.png')])
    assert not list((tmp_path / 'out').iterdir())


def test_dropout_gives_every_listed_corner_a_deviation_and_the_same_position(
    tiny_config, trained, phantoms, inferencer, everything_present
):
    images = [phantoms / 'Test']
    uncertain = SpineInferencer(tiny_config, trained, device='cpu', mc_dropout=4)(images)
    certain = inferencer(images)
    for name, record in uncertain.items():
        for vertebra, other in zip(record['vertebrae'], certain[name]['vertebrae'], strict=True):
            for corner, plain in zip(vertebra['corners'].values(), other['corners'].values(), strict=True):
                assert corner.pop('sd') > 0 and corner == plain


def test_flip_test_changes_the_prediction(tiny_config, trained, phantoms, inferencer, everything_present):
    flipped = SpineInferencer(tiny_config, trained, device='cpu', flip_test=True)([phantoms / 'Test'])
    assert flipped != inferencer([phantoms / 'Test'])


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(mc_dropout=1), 'at least 2 passes'),
        (dict(mc_dropout=-3), 'at least 2 passes'),
        (dict(mc_dropout=3, options=['model.head.dropout=0.0']), 'no dropout layer'),
        (dict(mc_dropout=3, seed=-1), 'whole number from 0'),
        (dict(device='cuda'), 'no GPU'),
    ],
)
def test_bad_usage_is_refused(tiny_config, trained, monkeypatch, changes, message):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(InputError, match=message):
        SpineInferencer(tiny_config, trained, **changes)


def test_deviations_are_compared_with_errors_where_there_are_labels(tiny_config, trained, phantoms, tmp_path):
    uncertain = SpineInferencer(tiny_config, trained, data_root=str(phantoms), device='cpu', mc_dropout=2)
    result = run_test(uncertain, tmp_path, split='val')
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics['uncertainty']['corners'] == metrics['num_corners'] > 0
    assert -1 <= metrics['uncertainty']['spearman'] <= 1
    assert result.reliability_plot == tmp_path / 'reliability.png'
    assert cv2.imread(str(result.reliability_plot)).std() > 5

    blind = run_test(uncertain, tmp_path, images=[str(phantoms / 'Test')])
    assert blind.reliability_plot is None and not (tmp_path / 'reliability.png').exists()


def test_results_of_an_earlier_run_do_not_stay_beside_new_ones(inferencer, phantoms, tmp_path):
    plain = run_test(inferencer, tmp_path, split='val')
    assert plain.reliability_plot is None and 'uncertainty' not in json.loads(plain.metrics_file.read_text())
    run_test(inferencer, tmp_path, images=[str(phantoms / 'Test')])
    assert not (tmp_path / 'metrics.json').exists()
    assert len(list((tmp_path / 'overlays').iterdir())) == 2
