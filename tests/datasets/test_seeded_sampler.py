"""An image's augmentation follows from the seed, the epoch and the image."""

import pickle
import random

import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset

from spondylo_mm.apis.configs import load_config
from spondylo_mm.datasets.seeded_sampler import SeededIndex, SeededSampler, seeded

DATA = range(5)


def indices(seed: int = 0, epoch: int = 0) -> list[SeededIndex]:
    sampler = SeededSampler(DATA, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def draws(index: int) -> tuple[float, float]:
    with seeded(index):
        return np.random.random(), random.random()


def test_every_image_comes_once_and_in_another_order_each_epoch():
    assert sorted(indices()) == list(DATA)
    assert indices() == indices() != indices(epoch=1)


def test_the_same_image_is_augmented_alike_only_in_the_same_epoch_of_the_same_seed():
    by_image = {(seed, epoch): {int(i): draws(i) for i in indices(seed, epoch)} for seed in (0, 1) for epoch in (0, 1)}
    assert by_image[0, 0] == {int(i): draws(i) for i in reversed(indices())}  # in whatever order
    everything = [draw for drawn in by_image.values() for draw in drawn.values()]
    assert len(set(everything)) == len(everything) == 4 * len(DATA)


def test_a_sample_leaves_the_random_numbers_of_others_alone():
    np.random.seed(3)
    random.seed(3)
    expected = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    with seeded(indices()[0]):
        np.random.random(), random.random()
    assert (np.random.random(), random.random()) == expected


def test_an_index_without_a_seed_draws_on():
    np.random.seed(3)
    first, second = draws(2), draws(2)
    assert first != second


def test_an_index_reaches_a_loader_worker_with_its_seed():
    index = indices()[2]
    arrived = pickle.loads(pickle.dumps(index))
    assert (arrived, arrived.seed) == (index, index.seed)


@pytest.mark.parametrize('num_workers', [1, 2])
def test_training_sees_the_same_pixels_with_any_number_of_workers(num_workers, tiny_config, phantoms):
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    def batches(num_workers: int) -> list:
        config = load_config(tiny_config, [f'train_dataloader.num_workers={num_workers}'], str(phantoms))
        init_default_scope(config.default_scope)
        return [batch['inputs'] for batch in Runner.build_dataloader(config.train_dataloader, seed=7)]

    for alone, loaded in zip(batches(0), batches(num_workers), strict=True):
        np.testing.assert_array_equal(np.stack(alone), np.stack(loaded))


def test_a_sample_of_joined_and_repeated_datasets_has_the_seed_of_its_index():
    """Repetitions of an image are different samples."""

    class Drawing(BaseDataset):
        def load_data_list(self) -> list[dict]:
            return [dict(image=image) for image in DATA]

        def __getitem__(self, index: int) -> tuple:
            return int(index), *draws(index)

    joined = ConcatDataset([Drawing(), Drawing()])
    repeated = RepeatDataset(joined.datasets[1], times=2)
    for dataset in (joined, repeated):
        sampler = SeededSampler(dataset, seed=0)
        samples = [dataset[index] for index in sampler]
        assert samples == [dataset[index] for index in sampler]
        assert sorted(image for image, *_ in samples) == sorted([*DATA, *DATA])
        assert len({draw for _, *drawn in samples for draw in drawn}) == 4 * len(DATA)
