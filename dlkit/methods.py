"""The operations as methods and operators of Tensor, so that ``x.sum()`` and ``x + y`` read as in PyTorch."""

from . import ops, shape_ops
from .autograd import Tensor
from .backend import xp

# those that take several tensors
_FUNCTIONS_ONLY = {"cat", "einsum", "stack", "where"}

for _module in (ops, shape_ops):
    for _name in _module.__all__:
        if _name not in _FUNCTIONS_ONLY:
            setattr(Tensor, _name, getattr(_module, _name))


def _method(name, function):
    function.__name__ = name
    setattr(Tensor, name, function)


for _symbol, _function in {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div, "pow": ops.pow,
                           "matmul": ops.matmul}.items():  # fmt: skip
    setattr(Tensor, f"__{_symbol}__", _function)
    _method(f"__r{_symbol}__", lambda self, other, f=_function: f(other, self))
    if _symbol not in ("pow", "matmul"):
        _method(f"__i{_symbol}__", lambda self, other, f=_function: self._replace(f(self, other), f"{f.__name__}_"))

for _f in (ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge):
    # nothing equals None
    _method(f"__{_f.__name__}__", lambda self, other, f=_f: NotImplemented if other is None else f(self, other))

Tensor.__neg__ = ops.neg
Tensor.__abs__ = ops.abs
Tensor.__getitem__ = shape_ops.getitem
Tensor.expand, Tensor.view = shape_ops.expand, shape_ops.view
Tensor.to, Tensor.cpu, Tensor.cuda = ops.to, ops.cpu, ops.cuda
Tensor.where = lambda self, condition, other: ops.where(condition, self, other)
Tensor.clone = lambda self: ops.record("clone", self.data.copy(), (self, lambda g: g))
Tensor.double = lambda self: ops.to(self, "float64")
Tensor.float = lambda self: ops.to(self, "float32")
Tensor.long = lambda self: ops.to(self, "int64")
Tensor.T = property(lambda self: self.permute(*reversed(range(self.ndim))), doc="The dimensions in reverse order.")


def _invert(self):
    if self.data.dtype != bool:
        raise TypeError(f"~ inverts boolean tensors, this one is {self.data.dtype}")
    return Tensor(~self.data)


def _logical(name, self, other):
    a, b = ops._operands(name, self, other)
    if not a.data.dtype == b.data.dtype == bool:
        raise TypeError(f"{name}: & and | combine boolean tensors, got {a.data.dtype} and {b.data.dtype}")
    return Tensor(getattr(xp, name)(a.data, b.data))


def _iterate(self):
    if self.ndim == 0:
        raise TypeError("a 0-dimensional tensor cannot be iterated over")
    return (self[i] for i in range(len(self)))


Tensor.__invert__ = _invert
Tensor.__iter__ = _iterate
for _symbol in ("and", "or"):
    _method(f"__{_symbol}__", lambda self, other, f=f"logical_{_symbol}": _logical(f, self, other))
