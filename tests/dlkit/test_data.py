"""The digits, data sets, splits and loaders."""

import os
import pathlib
import shutil
import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import dlkit
from dlkit.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    TransformedDataset,
    datasets,
    digits,
    k_fold,
    random_split,
)

CHECKOUT = pathlib.Path(datasets.__file__).parents[2] / "data" / "digits.npz"


class TestDigits:
    def test_shape_range_and_counts(self):
        images, labels = digits()
        assert images.shape == (1797, 1, 8, 8) and images.dtype == np.float64
        assert labels.shape == (1797,) and labels.dtype == np.int64
        assert images.min() == 0 and images.max() == 1
        assert (images * 16 == np.round(images * 16)).all()
        assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]

    def test_are_those_of_scikit_learn(self):
        reference = pytest.importorskip("sklearn.datasets").load_digits()
        images, labels = digits()
        np.testing.assert_array_equal(images[:, 0] * 16, reference.images)
        np.testing.assert_array_equal(labels, reference.target)

    def test_are_fresh_copies(self):
        digits()[0][:] = 7
        assert digits()[0].max() == 1

    @pytest.fixture
    def elsewhere(self, tmp_path, monkeypatch):
        """The module as if installed: site/dlkit/data/datasets.py, with no data file yet."""
        folder = tmp_path / "site" / "dlkit" / "data"
        folder.mkdir(parents=True)
        monkeypatch.setattr(datasets, "__file__", str(folder / "datasets.py"))
        return folder

    def test_next_to_the_module_as_in_the_wheel(self, elsewhere):
        shutil.copy(CHECKOUT, elsewhere)
        assert digits()[0].shape == (1797, 1, 8, 8)

    def test_in_the_data_folder_of_a_checkout(self, elsewhere):
        (elsewhere.parents[1] / "data").mkdir()
        shutil.copy(CHECKOUT, elsewhere.parents[1] / "data")
        assert digits()[0].shape == (1797, 1, 8, 8)

    def test_missing_file(self, elsewhere):
        with pytest.raises(FileNotFoundError, match="digits.npz is not in .*reinstall dlkit"):
            digits()

    @pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:5000] + b"\0" + b[5001:] + b"x"])
    def test_damaged_file_is_named(self, elsewhere, damage):
        (elsewhere / "digits.npz").write_bytes(damage(CHECKOUT.read_bytes()))
        with pytest.raises(ValueError, match="digits.npz is damaged or another version: its SHA-256 is [0-9a-f]{64}"):
            digits()


def numbered(n):
    """Inputs and targets that show where they came from."""
    return TensorDataset(np.arange(n)[:, None] * 1.0, np.arange(n))


class TestTensorDataset:
    def test_rows(self):
        data = TensorDataset(dlkit.tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1]))
        assert len(data) == 2
        assert [part.tolist() for part in data[1]] == [[3, 4], 1]
        assert [part.tolist() for part in data[np.array([1, 0, 1])]] == [[[3, 4], [1, 2], [3, 4]], [1, 0, 1]]
        assert isinstance(data[0][0], dlkit.Tensor)

    def test_one_or_three_tensors(self):
        assert len(TensorDataset(np.zeros(3))[0]) == 1
        assert len(TensorDataset(np.zeros(3), np.zeros((3, 2)), np.zeros(3))[:2]) == 3


class TestRandomSplit:
    def test_parts_are_disjoint_and_complete(self):
        parts = random_split(numbered(10), [7, 3])
        assert [len(p) for p in parts] == [7, 3]
        assert sorted(i for p in parts for i in p[np.arange(len(p))][1].tolist()) == list(range(10))

    @pytest.mark.parametrize(
        ("n", "fractions", "sizes"),
        [(10, [0.8, 0.2], [8, 2]), (10, [1 / 3] * 3, [4, 3, 3]), (7, [0.5, 0.5], [4, 3]), (5, [1.0], [5])],
    )
    def test_fractions(self, n, fractions, sizes):
        import torch

        assert [len(p) for p in random_split(numbered(n), fractions)] == sizes
        assert [len(p) for p in torch.utils.data.random_split(range(n), fractions)] == sizes

    def test_seeded(self):
        def first(seed=None, **options):
            if seed is not None:
                dlkit.manual_seed(seed)
            return random_split(numbered(50), [25, 25], **options)[0][np.arange(25)][1].tolist()

        assert first(1) == first(1) != first(2)
        rng = np.random.default_rng
        assert first(generator=rng(3)) == first(generator=rng(3)) != first(generator=rng(4))

    def test_of_a_split(self):
        part = random_split(random_split(numbered(10), [6, 4])[0], [2, 4])[1]
        assert len(set(part[np.arange(4)][1].tolist())) == 4


def test_subset():
    part = Subset(numbered(10), [7, 2, 2])
    assert len(part) == 3 and part[1][1].item() == 2 and part[np.array([2, 0])][1].tolist() == [2, 7]


class TestTransformedDataset:
    def test_parts_go_through_the_function(self):
        data = TransformedDataset(numbered(6), lambda x, y: (x * 2, y + 1, y))
        assert len(data) == 6
        assert [part.tolist() for part in data[np.array([1, 4])]] == [[[2], [8]], [2, 5], [1, 4]]

    def test_anew_and_a_batch_at_a_time(self):
        seen = []
        data = TransformedDataset(numbered(5), lambda x, y: seen.append(len(y)) or (x, y))
        for _ in range(2):
            assert [y.tolist() for _, y in DataLoader(data, 2)] == [[0, 1], [2, 3], [4]]
        assert seen == [2, 2, 1] * 2

    def test_of_a_part(self):
        train, test = random_split(numbered(10), [6, 4])
        changed = TransformedDataset(train, lambda x, y: (x, -y - 1))
        assert all(y < 0 for _, batch in DataLoader(changed, 4) for y in batch.tolist())
        assert all(y >= 0 for _, batch in DataLoader(test, 4) for y in batch.tolist())


def whole(splits, n):
    """Every sample is tested once, and trained on whenever it is not tested."""
    assert sorted(i for _, test in splits for i in test) == list(range(n))
    for train, test in splits:
        assert train.dtype == test.dtype == np.int64 and (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
        assert sorted([*train, *test]) == list(range(n)) and len(train) and len(test)
    return [len(test) for _, test in splits]


class TestKFold:
    @hypothesis.given(st.integers(2, 60), st.data())
    def test_plain(self, n, draw):
        from sklearn.model_selection import KFold

        k = draw.draw(st.integers(2, n))
        sizes = whole(k_fold(n, k), n)
        assert sizes == [len(test) for _, test in KFold(k, shuffle=True, random_state=0).split(range(n))]

    @hypothesis.given(st.lists(st.integers(0, 4), min_size=4, max_size=60), st.data())
    def test_stratified(self, labels, draw):
        k = draw.draw(st.integers(2, min(len(labels), 8)))
        splits = k_fold(len(labels), k, stratify=labels)
        sizes = whole(splits, len(labels))
        assert max(sizes) - min(sizes) <= 1
        counts = np.array([np.bincount(np.array(labels)[test], minlength=5) for _, test in splits])
        assert (np.ptp(counts, axis=0) <= 1).all()

    def test_stratified_as_scikit_learn(self):
        from sklearn.model_selection import StratifiedKFold

        labels = np.array(["a"] * 31 + ["b"] * 17 + ["c"] * 10)
        theirs = StratifiedKFold(4, shuffle=True, random_state=0).split(labels, labels)
        for ours, test in zip(k_fold(58, 4, stratify=labels), (test for _, test in theirs), strict=True):
            found, expected = (np.unique(labels[i], return_counts=True)[1] for i in (ours[1], test))
            assert abs(found - expected).max() <= 1

    @hypothesis.given(
        st.lists(st.integers(-5, 9), min_size=6, max_size=60).filter(lambda g: len(set(g)) >= 3), st.data()
    )
    def test_groups(self, groups, draw):
        k = draw.draw(st.integers(2, len(set(groups))))
        splits = k_fold(len(groups), k, groups=groups)
        sizes = whole(splits, len(groups))
        groups = np.array(groups)
        for train, test in splits:
            assert not set(groups[train]) & set(groups[test])
        assert max(sizes) - min(sizes) <= np.unique(groups, return_counts=True)[1].max()

    def test_groups_are_dealt_by_size(self):
        groups = np.repeat(np.arange(6), [1, 9, 1, 10, 1, 8])
        sizes = sorted(len(test) for _, test in k_fold(30, 3, groups=groups))
        assert sizes == [9, 10, 11]

    def test_random_and_seeded(self):
        def tests(seed, **options):
            return [test.tolist() for _, test in k_fold(40, 4, np.random.default_rng(seed), **options)]

        for options in ({}, {"groups": np.arange(40) // 2}, {"stratify": np.arange(40) % 3}):
            assert tests(1, **options) == tests(1, **options) != tests(2, **options)
        dlkit.manual_seed(1)
        assert [t.tolist() for _, t in k_fold(40, 4)] == tests(1)
        assert len(k_fold(40)) == 5

    def test_persons_of_silhouettes(self):
        """Both pictures of a person stay on one side; by image they mostly do not."""
        persons = np.tile(np.arange(50), 2)
        apart = [len(set(persons[train]) & set(persons[test])) for train, test in k_fold(100, 5)]
        assert sum(apart) > 50
        assert not any(set(persons[a]) & set(persons[b]) for a, b in k_fold(100, 5, groups=persons))


class TestDataLoader:
    @pytest.mark.parametrize("drop_last", [False, True])
    @pytest.mark.parametrize("shuffle", [False, True])
    @pytest.mark.parametrize(("n", "size"), [(10, 5), (10, 3), (10, 1), (10, 10), (10, 11), (1, 1)])
    def test_every_sample_once(self, n, size, shuffle, drop_last):
        loader = DataLoader(numbered(n), size, shuffle=shuffle, drop_last=drop_last)
        batches = list(loader)
        seen = [i for _, target in batches for i in target.tolist()]
        sizes = [len(target) for _, target in batches]
        left = n % size
        assert len(loader) == len(batches) == n // size + (left > 0 and not drop_last)
        assert sizes == [size] * (n // size) + [left] * (left > 0 and not drop_last)
        assert len(set(seen)) == len(seen) == sum(sizes)
        assert shuffle or seen == list(range(len(seen)))
        assert all((input.data[:, 0] == target.data).all() for input, target in batches)  # rows stay together

    def test_order_is_new_in_each_epoch_and_repeats_with_the_seed(self):
        def epochs(seed):
            dlkit.manual_seed(seed)
            loader = DataLoader(numbered(40), 40, shuffle=True)
            return [[target.tolist() for _, target in loader] for _ in range(2)]

        first = epochs(1)
        assert first[0] != first[1] and first == epochs(1) != epochs(2)

    def test_own_generator(self):
        def order(seed):
            dlkit.rand(3)  # which does not disturb it
            loader = DataLoader(numbered(40), 40, shuffle=True, generator=np.random.default_rng(seed))
            return next(iter(loader))[1].tolist()

        assert order(1) == order(1) != order(2)

    def test_of_a_split(self):
        part = random_split(numbered(10), [6, 4])[1]
        assert [len(target) for _, target in DataLoader(part, 3)] == [3, 1]

    def test_own_dataset(self):
        class Squares(Dataset):
            def __len__(self):
                return 5

            def __getitem__(self, index):
                return dlkit.tensor(index), dlkit.tensor(index**2)

        assert [y.tolist() for _, y in DataLoader(Squares(), 2)] == [[0, 1], [4, 9], [16]]

    def test_dtypes_are_kept(self):
        x, y = next(iter(DataLoader(TensorDataset(np.ones((4, 2), np.float32), np.arange(4)), 2)))
        assert (x.dtype, y.dtype) == (dlkit.float32, dlkit.int64)


def test_on_a_gpu_data_are_made_on_the_processor_and_batches_come_on_the_device():
    """With the stand-in for CuPy, whose arrays do not mix with NumPy's."""
    here = pathlib.Path(__file__).parent
    code = """
import numpy as np
import dlkit
from dlkit.data import *
from dlkit.data.augment import *
dlkit.manual_seed(0)
two_moons(9), spirals(9), xor(9), blobs(9)
k_fold(9, 2), k_fold(4, 2, groups=[1, 1, 2, 2]), k_fold(4, 2, stratify=[1, 1, 2, 2])
images, masks, _ = touching_cells(2, 32)
augment = Compose([
    RandomAffine(9, (0.1, 0.1), (0.9, 1.1), (1, 2, 3, 4)), RandomRotation(9), RandomHorizontalFlip(),
    RandomCrop(20, 1), ElasticTransform(), GaussianBlur(3), GaussianNoise(), ColorJitter(0.1, 0.1, 0.1), RandomGamma(),
    RandomErasing(), Normalize(0.5, 0.5), RandomVerticalFlip(),
])
assert all(isinstance(made, np.ndarray) for made in augment(images, masks))
for made in (images, masks, *scenes_of_shapes(2, 16), *silhouettes(2, 20, 0.1, seed=1)):
    assert isinstance(made, np.ndarray)
for batch in DataLoader(TransformedDataset(TensorDataset(images, masks), augment), shuffle=True):
    assert all(part.device == "cuda" for part in batch)
assert all(part.device == "cuda" for part in mixup(images, np.arange(2), num_classes=2))
"""
    paths = os.pathsep.join(map(str, (here / "strict_cupy", here.parents[1])))
    environment = {**os.environ, "PYTHONPATH": paths, "DLKIT_DEVICE": "cuda"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
