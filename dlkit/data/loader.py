"""Mini-batches."""

import math

import numpy as np

from .. import creation
from ..autograd import Tensor


class Dataset:
    """Anything with a length and items by position (``torch.utils.data.Dataset``)."""

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")


class TensorDataset(Dataset):
    """Tensors (or arrays) of one first length; item i is the tuple of their i-th rows.

    Raises
    ------
    ValueError
        If there is no tensor, or the first lengths differ.
    """

    def __init__(self, *tensors):
        self.tensors = tuple(t if isinstance(t, Tensor) else creation.tensor(t) for t in tensors)
        lengths = [len(t) for t in self.tensors]
        if not lengths or len(set(lengths)) > 1:
            raise ValueError(f"TensorDataset: needs tensors of one first length, got lengths {lengths}")

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def __len__(self):
        return len(self.tensors[0])


class Subset(Dataset):
    """The items of a data set at the given positions."""

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, np.asarray(indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[index]]

    def __len__(self):
        return len(self.indices)


def random_split(dataset, lengths, generator=None):
    """Split a data set at random into parts of the given lengths, or fractions that add up to 1.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int, or of float
    generator : numpy.random.Generator, optional
        Where the randomness comes from; by default what ``manual_seed`` seeds.

    Returns
    -------
    list of Dataset

    Raises
    ------
    ValueError
        If the lengths do not add up to the size of the data set (or the fractions to 1), or one is negative.
    """
    n, total = len(dataset), sum(lengths)
    if min(lengths, default=0) < 0:
        raise ValueError(f"random_split: lengths must not be negative, got {list(lengths)}")
    if all(isinstance(length, float) for length in lengths) and math.isclose(total, 1):
        floors = [math.floor(n * fraction) for fraction in lengths]
        lengths = [f + (i < n - sum(floors)) for i, f in enumerate(floors)]
    elif total != n:
        raise ValueError(f"random_split: lengths {list(lengths)} add up to {total}, but the data set has {n} items")
    order = (generator or creation.generator()).permutation(n)
    ends = np.cumsum([0, *lengths]).tolist()
    return [Subset(dataset, order[a:b]) for a, b in zip(ends, ends[1:], strict=False)]


class TransformedDataset(Dataset):
    """A data set whose items pass through a function, such as an augmentation, anew whenever they are fetched.

    Parameters
    ----------
    dataset : Dataset
        Its items are tuples.
    transform : callable
        Called with the parts of ``dataset[index]``, a whole batch of each when a loader fetches them.
    """

    def __init__(self, dataset, transform):
        self.dataset, self.transform = dataset, transform

    def __getitem__(self, index):
        return self.transform(*self.dataset[index])

    def __len__(self):
        return len(self.dataset)


def k_fold(n, k=5, generator=None, groups=None, stratify=None):
    """Splits for cross-validation: every sample is tested once and trained on k - 1 times.

    Parameters
    ----------
    n : int
        Number of samples, dealt out at random to k parts whose sizes differ by 1 at most.
    k : int, 2 to n
    generator : numpy.random.Generator, optional
        By default what ``manual_seed`` seeds.
    groups : sequence of n, optional
        Samples with the same value stay in the same part; part sizes differ by the size of the largest group at most.
    stratify : sequence of n, optional
        Each value (class) occurs equally often in each part, up to 1.

    Returns
    -------
    list of k pairs (training positions, test positions), int64 arrays in increasing order

    Raises
    ------
    ValueError
        If k is not in 2 to n (or to the number of groups), the lengths differ, or both groups and stratify are given.
    """
    if groups is not None and stratify is not None:
        raise ValueError("k_fold: give groups or stratify, not both")
    values = [i for i in (groups, stratify) if i is not None]
    if values and len(values[0]) != n:
        raise ValueError(f"k_fold: n is {n}, but there are {len(values[0])} groups or strata")
    member = np.unique(np.asarray(values[0]), return_inverse=True)[1] if values else np.arange(n)
    dealt = member if groups is not None else np.arange(n)  # what is dealt out: groups by size, or samples
    sizes = np.bincount(dealt)
    if not 2 <= k <= len(sizes):
        raise ValueError(f"k_fold: k must be 2 to {len(sizes)}, the number of samples or groups, got {k}")
    order = np.asarray((generator or creation.generator()).permutation(len(sizes)))
    order = order[np.argsort((member if stratify is not None else sizes)[order], kind="stable")]
    part = np.empty_like(sizes)
    part[order] = np.arange(len(sizes)) % k
    return [(np.flatnonzero(part[dealt] != i), np.flatnonzero(part[dealt] == i)) for i in range(k)]


class DataLoader:
    """Iterates over a data set in mini-batches (``torch.utils.data.DataLoader``).

    Items are fetched a batch at a time: ``dataset[indices]`` must accept an array of positions, as those of
    this module do.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int, positive
    shuffle : bool
        A new random order in every epoch.
    drop_last : bool
        Leave out a last batch that is smaller than the others.
    generator : numpy.random.Generator, optional
        Where the order comes from; by default what ``manual_seed`` seeds.

    Raises
    ------
    ValueError
        If batch_size is not a positive integer or the data set is empty.
    """

    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, generator=None):
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a positive integer, got {batch_size!r}")
        if len(dataset) == 0:
            raise ValueError("DataLoader: the data set is empty")
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.drop_last, self.generator = drop_last, generator

    def __len__(self):
        """Number of batches in an epoch."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

    def __iter__(self):
        n = len(self.dataset)
        order = (self.generator or creation.generator()).permutation(n) if self.shuffle else np.arange(n)
        for i in range(len(self)):
            yield self.dataset[order[i * self.batch_size : (i + 1) * self.batch_size]]
