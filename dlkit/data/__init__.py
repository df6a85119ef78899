"""Data sets and loaders (``torch.utils.data``), generators, downloads and augmentation."""

from . import augment, generators
from .datasets import digits
from .downloads import cifar10, fashion_mnist, mnist
from .generators import blobs, scenes_of_shapes, silhouettes, spirals, touching_cells, two_moons, xor
from .loader import DataLoader, Dataset, Subset, TensorDataset, TransformedDataset, k_fold, random_split

__all__ = [
    "DataLoader", "Dataset", "Subset", "TensorDataset", "TransformedDataset", "augment", "blobs", "cifar10", "digits",
    "fashion_mnist", "generators", "k_fold", "mnist", "random_split", "scenes_of_shapes", "silhouettes", "spirals",
    "touching_cells", "two_moons", "xor",
]  # fmt: skip
