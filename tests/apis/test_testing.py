"""From a checkpoint to predictions, metrics and overlays."""

import base64
import csv
import hashlib
import json
import re
import shutil
import tracemalloc

import cv2
import numpy as np
import pytest
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from spondylo_mm.anatomy import CORNERS, LEVELS
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.predictions import is_picture_of_ours, write_predictions
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


@pytest.mark.parametrize(
    'where', [('overlays/b.png', 'lies where pictures of results go'), ('coco.json', 'no predict')]
)
@pytest.mark.parametrize('what', ['images', 'split'])
def test_files_of_the_user_are_refused_before_anything_is_predicted(
    inferencer, phantoms, tmp_path, monkeypatch, what, where
):
    """Neither removed nor overwritten, in a folder of films as in one of prepared data."""
    name, why = where
    films = tmp_path / 'films'
    shutil.copytree(phantoms / 'Test', films)
    (films / name).parent.mkdir(exist_ok=True)
    shutil.copy(next((phantoms / 'Test').iterdir()), films / name)
    before = {path: path.read_bytes() for path in films.rglob('*') if path.is_file()}
    monkeypatch.setattr(inferencer, 'predict', lambda *_, **__: pytest.fail('predicts'))
    with pytest.raises(InputError, match=f'{name}: .*{why}.*choose another output folder$') as error:
        run_test(inferencer, films, **(dict(images=[str(films)]) if what == 'images' else dict(split='val')))
    assert '\n' not in str(error.value)
    assert {path: path.read_bytes() for path in films.rglob('*') if path.is_file()} == before


def test_a_picture_put_beside_the_overlays_meanwhile_is_not_removed(inferencer, phantoms, tmp_path, monkeypatch):
    run_test(inferencer, tmp_path, split='val')
    predict = inferencer.predict

    def as_the_user_saves_one(*args, **kwargs):
        cv2.imwrite(str(tmp_path / 'overlays' / 'mine.png'), np.zeros((20, 20), np.uint8))
        return predict(*args, **kwargs)

    monkeypatch.setattr(inferencer, 'predict', as_the_user_saves_one)
    run_test(inferencer, tmp_path, images=[str(phantoms / 'Test')])
    theirs = [path.name for path in (tmp_path / 'overlays').iterdir() if not is_picture_of_ours(path)]
    assert theirs == ['mine.png'] and len(list((tmp_path / 'overlays').iterdir())) == 1 + 2


@pytest.fixture
def films(phantoms, tmp_path):
    """Three films: a.jpg, b.jpg and c.jpg."""
    folder = tmp_path / 'films'
    folder.mkdir()
    film = next((phantoms / 'Test').iterdir())
    for name in 'abc':
        shutil.copy(film, folder / f'{name}.jpg')
    return folder


DAMAGES = dict(deleted=lambda film: film.unlink(), truncated=lambda film: film.write_bytes(film.read_bytes()[:3000]))


@pytest.mark.parametrize('damage', DAMAGES)
def test_a_film_that_is_damaged_once_predicted_costs_its_pictures_alone(
    inferencer, films, tmp_path, monkeypatch, damage
):
    listed = hashlib.sha256(''.join(f'{sha256(films / f"{n}.jpg")}  {n}.jpg\n' for n in 'abc').encode()).hexdigest()

    def then_damage(*args, **kwargs):
        path = write_predictions(*args, **kwargs)
        DAMAGES[damage](films / 'b.jpg')
        return path

    monkeypatch.setattr('spondylo_mm.apis.testing.write_predictions', then_damage)
    out = tmp_path / 'out'
    result = run_test(inferencer, out, images=[str(films)], coco=True)
    assert result.num_images == 3 and sorted(path.name for path in (out / 'overlays').iterdir()) == ['a.png', 'c.png']
    overlay, report = result.failures
    assert 'b.jpg: ' in overlay and overlay.endswith('(predicted, but without an overlay)')
    assert 'b.jpg: ' in report and report.endswith('(predicted, but black in the report)')
    pictures = re.findall(r'id="picture-\d">([^<]+)</script>', (out / 'report.html').read_text())
    grey = [cv2.imdecode(np.frombuffer(base64.b64decode(each), np.uint8), cv2.IMREAD_GRAYSCALE) for each in pictures]
    assert sorted(picture.max() > 50 for picture in grey) == [False, True, True]
    assert len({picture.shape for picture in grey}) == 1
    assert json.loads((out / 'predictions.json').read_text())['model']['images_sha256'] == listed


def test_a_film_that_goes_while_its_batch_is_predicted_is_a_failure_and_the_others_are_done(
    inferencer, films, tmp_path, monkeypatch
):
    predict = inferencer.predict

    def then_gone(*args, **kwargs):
        for sample in predict(*args, **kwargs):
            (films / 'b.jpg').unlink(missing_ok=True)
            yield sample

    monkeypatch.setattr(inferencer, 'predict', then_gone)
    result = run_test(inferencer, tmp_path / 'out', images=[str(films)])
    (line,) = result.failures
    assert line.endswith('b.jpg: No such file or directory: leave the file in its place until the end')
    model = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    assert list(model['images']) == ['a.jpg', 'c.jpg']
    listed = ''.join(f'{sha256(films / f"{n}.jpg")}  {n}.jpg\n' for n in 'ac')
    assert model['model']['images_sha256'] == hashlib.sha256(listed.encode()).hexdigest()


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_progress_is_shown_where_standard_error_is_closed(run_tool, tiny_config, trained, phantoms, tmp_path):
    """As in ``test.py … 2>&-``, which leaves Python without one."""
    arguments = ('--data-root', phantoms, '--split', 'test', '--no-report', '--out', tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('sys.stderr', None)
        status, out, _ = run_tool('test.py', tiny_config, trained, *arguments)
    assert status == 0 and 'predictions of 2 images' in out
