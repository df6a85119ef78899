"""Data sets and loaders (``torch.utils.data``)."""

from .datasets import digits
from .loader import DataLoader, Dataset, TensorDataset, random_split

__all__ = ["DataLoader", "Dataset", "TensorDataset", "digits", "random_split"]
