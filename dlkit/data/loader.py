"""Mini-batches."""

import math

from .. import creation
from ..autograd import Tensor
from ..backend import xp


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
        self.dataset, self.indices = dataset, xp.asarray(indices)

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
    ends = xp.cumsum([0, *lengths]).tolist()
    return [Subset(dataset, order[a:b]) for a, b in zip(ends, ends[1:], strict=False)]


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
        order = (self.generator or creation.generator()).permutation(n) if self.shuffle else xp.arange(n)
        for i in range(len(self)):
            yield self.dataset[order[i * self.batch_size : (i + 1) * self.batch_size]]
