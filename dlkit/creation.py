"""Making tensors, the default dtype, and the one random generator that ``manual_seed`` fixes."""

import numpy

from .autograd import Tensor
from .backend import xp

__all__ = [
    "arange", "bool", "empty_like", "eye", "float32", "float64", "from_numpy", "full", "full_like",
    "get_default_dtype", "int64", "linspace", "manual_seed", "normal", "ones", "ones_like", "rand", "randint",
    "randn", "randperm", "set_default_dtype", "tensor", "zeros", "zeros_like",
]  # fmt: skip

float32, float64, int64, bool = xp.float32, xp.float64, xp.int64, xp.bool_
_default_dtype = float32
_rng = numpy.random.default_rng()


def set_default_dtype(dtype):
    """Set the dtype of tensors made from Python floats: ``dlkit.float32`` (at first) or ``dlkit.float64``."""
    global _default_dtype
    if dtype not in (float32, float64):
        raise TypeError(f"set_default_dtype: dtype must be dlkit.float32 or dlkit.float64, got {dtype}")
    _default_dtype = dtype


def get_default_dtype():
    """The dtype of tensors made from Python floats."""
    return _default_dtype


def manual_seed(seed):
    """Seed the generator behind initialisation, dropout, shuffling and the random functions.

    The streams are NumPy's, so the numbers differ from PyTorch's for the same seed.
    """
    global _rng
    _rng = numpy.random.default_rng(seed)


def generator():
    """The current random generator (``numpy.random.Generator``), NumPy's on a GPU, too: the same numbers anywhere."""
    return _rng


def tensor(data, dtype=None, requires_grad=False):
    """A tensor with a copy of ``data``.

    Parameters
    ----------
    data : number, nested sequence, array or Tensor
        Python floats get the default dtype, Python integers int64; arrays and tensors keep theirs.
    dtype : dtype, optional
    requires_grad : bool

    Raises
    ------
    ValueError
        If the nested sequences are ragged.
    TypeError
        If the elements are not numbers.
    """
    known = getattr(data, "dtype", None)
    if isinstance(data, Tensor):
        data = data.data
    elif isinstance(data, list | tuple):
        data = _plain(data)
    try:
        array = xp.array(data)
    except ValueError:
        raise ValueError("tensor: the rows of data differ in length or shape, so they do not form an array") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"tensor: the elements must be real numbers, got {array.dtype}")
    if dtype is None and known is None and array.dtype.kind == "f":
        dtype = _default_dtype
    return Tensor(array if dtype is None else array.astype(dtype), requires_grad)


def _plain(data):
    """Nested sequences with arrays in place of tensors."""
    return [_plain(x) if isinstance(x, list | tuple) else x.data if isinstance(x, Tensor) else x for x in data]


def from_numpy(array):
    """A tensor on the memory of the NumPy array ``array``; on a GPU, with a copy of it."""
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"from_numpy: expected an array, got {type(array).__name__}")
    return Tensor(array)


def _shape(size):
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], list | tuple) else size


def zeros(*size, dtype=None, requires_grad=False):
    """A tensor of zeros."""
    return Tensor(xp.zeros(_shape(size), dtype or _default_dtype), requires_grad)


def ones(*size, dtype=None, requires_grad=False):
    """A tensor of ones."""
    return Tensor(xp.ones(_shape(size), dtype or _default_dtype), requires_grad)


def full(size, fill_value, dtype=None, requires_grad=False):
    """A tensor filled with one value."""
    if dtype is None and isinstance(fill_value, float):
        dtype = _default_dtype
    return Tensor(xp.full(size, fill_value, dtype), requires_grad)


def zeros_like(input, requires_grad=False):
    """Zeros of the shape and dtype of ``input``."""
    return Tensor(xp.zeros_like(input.data), requires_grad)


def ones_like(input, requires_grad=False):
    """Ones of the shape and dtype of ``input``."""
    return Tensor(xp.ones_like(input.data), requires_grad)


def full_like(input, fill_value, requires_grad=False):
    """One value in the shape and dtype of ``input``."""
    return Tensor(xp.full_like(input.data, fill_value), requires_grad)


def empty_like(input, requires_grad=False):
    """Unspecified numbers of the shape and dtype of ``input``."""
    return Tensor(xp.empty_like(input.data), requires_grad)


def arange(start=0, end=None, step=1, dtype=None):
    """start, start + step, ... up to but not including end; ``arange(n)`` counts from 0."""
    if end is None:
        start, end = 0, start
    whole = all(isinstance(x, int) for x in (start, end, step))
    return Tensor(xp.arange(start, end, step, dtype=dtype or (int64 if whole else _default_dtype)))


def linspace(start, end, steps, dtype=None):
    """``steps`` evenly spaced numbers from start to end, both included."""
    return Tensor(xp.linspace(start, end, steps, dtype=dtype or _default_dtype))


def eye(n, m=None, dtype=None):
    """Ones on the diagonal of an (n, m) tensor of zeros; m is n if left out."""
    return Tensor(xp.eye(n, m, dtype=dtype or _default_dtype))


def rand(*size, dtype=None, requires_grad=False):
    """Uniform random numbers in [0, 1)."""
    return Tensor(_rng.random(_shape(size)).astype(dtype or _default_dtype), requires_grad)


def randn(*size, dtype=None, requires_grad=False):
    """Standard normal random numbers."""
    return Tensor(_rng.standard_normal(_shape(size)).astype(dtype or _default_dtype), requires_grad)


def normal(mean, std, size, dtype=None):
    """Normal random numbers with the given mean and standard deviation."""
    return Tensor(_rng.normal(mean, std, size).astype(dtype or _default_dtype))


def randint(low, high, size):
    """Random integers from low to high - 1."""
    return Tensor(_rng.integers(low, high, size))


def randperm(n):
    """The integers 0 to n - 1 in random order."""
    return Tensor(_rng.permutation(n))
