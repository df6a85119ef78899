"""A stand-in for CuPy that computes with NumPy and is as strict: put this folder on PYTHONPATH, DLKIT_DEVICE=cuda.

It shows on any machine where code would mix the processor's arrays with the GPU's: an array of this module never
becomes a NumPy array by itself, no function takes one, reductions give arrays instead of numbers, and what CuPy does
not have (errstate, the arguments initial and where, most of random) is missing here, too.
"""

import functools

import numpy

__version__ = "strict stand-in"
MISSING = {"errstate", "seterr", "random", "vectorize", "frompyfunc", "ndindex", "nditer"}
NO_ARGUMENTS = {"initial", "where", "subok"}


class ndarray:
    __array_ufunc__ = None

    def __init__(self, numbers):
        self.numbers = numbers

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __getattr__(self, name):
        value = getattr(self.numbers, name)
        if callable(value):
            return outside(value)
        return ndarray(value) if isinstance(value, numpy.ndarray) else value

    def __getitem__(self, index):
        return wrap(self.numbers[inside(index)])

    def __setitem__(self, index, value):
        self.numbers[inside(index)] = inside(value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __len__(self):
        return len(self.numbers)

    def item(self):
        return self.numbers.item()

    def tolist(self):
        return self.numbers.tolist()

    def __repr__(self):
        return repr(self.numbers)

    __hash__ = None


def inside(value):
    """Arguments as NumPy wants them, refusing its arrays."""
    if isinstance(value, ndarray):
        return value.numbers
    if isinstance(value, numpy.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (list, tuple)):
        return type(value)(inside(v) for v in value)
    return value


def wrap(result):
    """Results as CuPy gives them: arrays, never NumPy's numbers."""
    if isinstance(result, (numpy.ndarray, numpy.generic)):
        return ndarray(numpy.asarray(result))
    return type(result)(wrap(r) for r in result) if type(result) in (list, tuple) else result


def outside(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        unknown = NO_ARGUMENTS & set(kwargs)
        if unknown:
            raise TypeError(f"{function.__name__}() got an unexpected keyword argument {unknown.pop()!r}")
        return wrap(function(*inside(args), **{name: inside(value) for name, value in kwargs.items()}))

    if isinstance(function, numpy.ufunc):
        call.at, call.reduce = outside(function.at), outside(function.reduce)
    return call


def _operator(name):
    def operate(self, *others):
        result = getattr(self.numbers, name)(*inside(others))
        if name.startswith("__i") and name != "__invert__":
            return self
        return result if result is NotImplemented else wrap(result)

    return operate


_BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"]
for _name in _BINARY:
    for _kind in ("", "r", "i"):
        setattr(ndarray, f"__{_kind}{_name}__", _operator(f"__{_kind}{_name}__"))
for _name in ["eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"]:
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ("bool", "float", "int", "index", "complex"):
    setattr(ndarray, f"__{_name}__", lambda self, name=f"__{_name}__": getattr(self.numbers, name)())


def asarray(a, dtype=None):
    if isinstance(a, (list, tuple)):
        a = _rows(a)
    return ndarray(numpy.asarray(a.numbers if isinstance(a, ndarray) else a, dtype))


def array(a, dtype=None, copy=True):
    return ndarray(numpy.array(asarray(a).numbers, dtype, copy=copy))


def _rows(values):
    return [_rows(v) if isinstance(v, (list, tuple)) else v.numbers if isinstance(v, ndarray) else v for v in values]


def asnumpy(a):
    return a.numbers.copy()


def array2string(a, **kwargs):
    return numpy.array2string(a.numbers, **kwargs)


def __getattr__(name):
    if name in MISSING or name.startswith("__"):
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    value = getattr(numpy, name)
    return outside(value) if callable(value) and not isinstance(value, type) else value
