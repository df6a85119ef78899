"""Every differentiable array operation: its value, and one vector-Jacobian product per input.

In each product, ``g`` is the gradient with respect to the result, an array of the result's shape. Functions
are ``torch``'s of the same name and are methods of Tensor as well.
"""

import builtins

from .autograd import Tensor, record
from .backend import xp
from .creation import get_default_dtype, tensor

__all__ = [
    "abs", "add", "allclose", "clamp", "cos", "div", "eq", "exp", "ge", "gt", "le", "log", "lt", "matmul", "maximum",
    "minimum", "mul", "ne", "neg", "outer", "pow", "relu", "sigmoid", "sign", "sin", "sqrt", "sub", "tanh", "to",
    "where",
]  # fmt: skip

# --- operands -----------------------------------------------------------------------------------------------


def _tensor(name, x):
    """``x``, if it is a Tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(x).__name__}; make one with dlkit.tensor(...)")
    return x


def _floating(name, x):
    """``x``, if it is a Tensor of floating-point numbers."""
    if _tensor(name, x).data.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating-point tensor, got {x.data.dtype}; convert it with .float()")
    return x


def _operands(name, a, b):
    """Two operands as tensors of one dtype that broadcast, by PyTorch's promotion rules."""
    if not isinstance(a, Tensor):
        a = _constant(name, a, _tensor(name, b))
    if not isinstance(b, Tensor):
        b = _constant(name, b, a)
    if a.data.dtype != b.data.dtype:
        a, b = _promote(a, b)
    if a.data.shape != b.data.shape:
        try:
            xp.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise ValueError(
                f"{name}: shapes {a.shape} and {b.shape} do not broadcast; aligned from the right, "
                "each pair of lengths must be equal or contain a 1"
            ) from None
    return a, b


def _promote(a, b):
    """Two tensors of different dtypes in the one that PyTorch computes in, where NumPy's rules give another."""
    one, other = a.data.dtype, b.data.dtype
    if one.kind == other.kind:
        if a.ndim == 0 < b.ndim:  # within a kind, a single number adopts the dtype of the tensor it meets
            return _cast(a, other), b
        return (a, _cast(b, one)) if b.ndim == 0 < a.ndim else (a, b)
    if one.kind == "f":  # integers adopt the floating-point dtype they meet; NumPy would widen float32 to float64
        return a, _cast(b, one)
    return (_cast(a, other), b) if other.kind == "f" else (a, b)


def _constant(name, value, other):
    if isinstance(value, builtins.bool | int | float):
        kind = other.data.dtype.kind
        if kind == "f" or (kind == "i" and isinstance(value, int)):
            return Tensor(xp.asarray(value, other.data.dtype))
        return Tensor(xp.asarray(value, get_default_dtype() if isinstance(value, float) else None))
    array = xp.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: cannot compute with {type(value).__name__}; expected a tensor, an array or a number")
    return Tensor(array)


def _cast(x, dtype):
    value = x.data.astype(dtype)
    return record("to", value, (x, lambda g: g)) if value.dtype.kind == "f" else Tensor(value)


def to(input, dtype):
    """``input`` in another dtype; itself if it has that dtype already."""
    return input if _tensor("to", input).data.dtype == dtype else _cast(input, dtype)


# --- arithmetic -----------------------------------------------------------------------------------------------


def add(input, other):
    """input + other, with broadcasting."""
    a, b = _operands("add", input, other)
    return record("add", a.data + b.data, (a, lambda g: g), (b, lambda g: g))


def sub(input, other):
    """input - other, with broadcasting."""
    a, b = _operands("sub", input, other)
    return record("sub", a.data - b.data, (a, lambda g: g), (b, lambda g: -g))


def mul(input, other):
    """input * other element by element, with broadcasting."""
    a, b = _operands("mul", input, other)
    x, y = a.data, b.data
    return record("mul", x * y, (a, lambda g: g * y, b), (b, lambda g: g * x, a))


def div(input, other):
    """input / other element by element, with broadcasting; integers are divided as floats."""
    a, b = _operands("div", input, other)
    if a.data.dtype.kind != "f":
        a, b = _cast(a, get_default_dtype()), _cast(b, get_default_dtype())
    x, y = a.data, b.data
    with xp.errstate(divide="ignore", invalid="ignore"):
        value = x / y
    return record(
        "div", value, (a, lambda g: _quiet_divide(g, y), b), (b, lambda g: _quiet_divide(-g * x, y * y), a, b)
    )


def neg(input):
    """-input."""
    return record("neg", -_tensor("neg", input).data, (input, lambda g: -g))


def pow(input, exponent):
    """input ** exponent element by element; the exponent may be a number or a tensor."""
    a, p = _operands("pow", input, exponent)
    x, y = a.data, p.data
    with xp.errstate(all="ignore"):
        value = x**y

    def by_base(g):
        with xp.errstate(all="ignore"):
            return g * xp.where(y == 0, 0, y * x ** xp.where(y == 0, 1, y - 1)).astype(g.dtype, copy=False)

    def by_exponent(g):
        with xp.errstate(all="ignore"):
            return g * xp.where((x == 0) & (y >= 0), 0, value * xp.log(x))

    return record("pow", value, (a, by_base, a, p), (p, by_exponent, a, p))


def maximum(input, other):
    """The larger of two elements; where they are equal, each receives half of the gradient."""
    return _extremum("maximum", xp.maximum, input, other)


def minimum(input, other):
    """The smaller of two elements; where they are equal, each receives half of the gradient."""
    return _extremum("minimum", xp.minimum, input, other)


def _extremum(name, function, input, other):
    a, b = _operands(name, input, other)
    x, y = a.data, b.data
    value = function(x, y)

    def share(mine, theirs):
        return lambda g: g * xp.where(mine == theirs, 0.5, mine == value).astype(g.dtype)

    return record(name, value, (a, share(x, y), a, b), (b, share(y, x), a, b), saves_result=True)


def where(condition, input, other):
    """input where condition is true, other elsewhere."""
    mask = condition.data if isinstance(condition, Tensor) else xp.asarray(condition)
    if mask.dtype != bool:
        raise TypeError(f"where: condition must be boolean, got {mask.dtype}")
    a, b = _operands("where", input if isinstance(input, Tensor) or isinstance(other, Tensor) else tensor(input), other)
    try:
        value = xp.where(mask, a.data, b.data)
    except ValueError:
        raise ValueError(
            f"where: condition, input and other of shapes {mask.shape}, {a.shape} and {b.shape} do not broadcast"
        ) from None
    return record("where", value, (a, lambda g: g * mask), (b, lambda g: g * ~mask))


# --- elementwise functions --------------------------------------------------------------------------------------


def exp(input):
    """e to the power of input."""
    with xp.errstate(over="ignore"):
        y = xp.exp(_floating("exp", input).data)
    return record("exp", y, (input, lambda g: g * y), saves_result=True)


def log(input):
    """Natural logarithm; -inf at 0 and nan below."""
    x = _floating("log", input).data
    with xp.errstate(divide="ignore", invalid="ignore"):
        y = xp.log(x)
    return record("log", y, (input, lambda g: _quiet_divide(g, x), input))


def sqrt(input):
    """Square root; nan for negative numbers."""
    with xp.errstate(invalid="ignore"):
        y = xp.sqrt(_floating("sqrt", input).data)
    return record("sqrt", y, (input, lambda g: _quiet_divide(g, 2 * y)), saves_result=True)


def abs(input):
    """Absolute value; its derivative at 0 is taken as 0."""
    x = _tensor("abs", input).data
    return record("abs", xp.abs(x), (input, lambda g: g * xp.sign(x), input))


def sin(input):
    """Sine of an angle in radians."""
    x = _floating("sin", input).data
    return record("sin", xp.sin(x), (input, lambda g: g * xp.cos(x), input))


def cos(input):
    """Cosine of an angle in radians."""
    x = _floating("cos", input).data
    return record("cos", xp.cos(x), (input, lambda g: -g * xp.sin(x), input))


def tanh(input):
    """Hyperbolic tangent."""
    y = xp.tanh(_floating("tanh", input).data)
    return record("tanh", y, (input, lambda g: g * (1 - y * y)), saves_result=True)


def sigmoid(input):
    """1 / (1 + exp(-input)), without overflow."""
    x = _floating("sigmoid", input).data
    z = xp.exp(-xp.abs(x))
    y = xp.where(x >= 0, 1, z) / (1 + z)
    return record("sigmoid", y, (input, lambda g: g * y * (1 - y)), saves_result=True)


def relu(input):
    """max(input, 0); its derivative at 0 is taken as 0."""
    x = _tensor("relu", input).data
    return record("relu", xp.maximum(x, 0), (input, lambda g: g * (x > 0), input))


def clamp(input, min=None, max=None):
    """input limited to [min, max]; the gradient passes where input is within, ends included."""
    if min is None and max is None:
        raise ValueError("clamp: give min, max or both")
    x = _tensor("clamp", input).data
    inside = (True if min is None else x >= min) & (True if max is None else x <= max)
    return record("clamp", xp.clip(x, min, max), (input, lambda g: g * inside))


def sign(input):
    """-1, 0 or 1; the gradient is 0 everywhere."""
    return record("sign", xp.sign(_tensor("sign", input).data), (input, xp.zeros_like))


def _quiet_divide(g, x):
    with xp.errstate(divide="ignore", invalid="ignore"):
        return g / x


# --- products ---------------------------------------------------------------------------------------------------


def matmul(input, other):
    """Matrix product; (n,) vectors and stacks (..., n, m) of matrices as in ``torch.matmul``.

    Raises
    ------
    ValueError
        If the inner lengths differ or an operand is a single number.
    TypeError
        If the dtypes differ.
    """
    a, b = (x if isinstance(x, Tensor) else Tensor(x) for x in (input, other))
    inner = a.shape[-1:] == b.shape[-2:][:1]
    if a.ndim == 0 or b.ndim == 0 or not inner:
        raise ValueError(
            f"matmul: cannot multiply shapes {a.shape} and {b.shape}; the last length of the first must equal "
            "the next-to-last (or only) length of the second"
        )
    if a.data.dtype != b.data.dtype:
        raise TypeError(f"matmul: dtypes differ, {a.data.dtype} and {b.data.dtype}; convert one with .to(dtype)")
    row, column = a.ndim == 1, b.ndim == 1
    x = a.data[None, :] if row else a.data
    y = b.data[:, None] if column else b.data
    try:
        product = x @ y
    except ValueError:
        raise ValueError(f"matmul: the stacks of shapes {a.shape} and {b.shape} do not broadcast") from None
    shape = product.shape
    added = (-2,) * row + (-1,) * column  # the dimensions that only made vectors into matrices

    def by_first(g):
        part = g.reshape(shape) @ y.swapaxes(-1, -2)
        return part.sum(axis=tuple(range(part.ndim - 1))) if row else part

    def by_second(g):
        part = x.swapaxes(-1, -2) @ g.reshape(shape)
        return part.sum(axis=tuple(range(part.ndim - 2)))[:, 0] if column else part

    return record("matmul", product.squeeze(added), (a, by_first, b), (b, by_second, a))


def outer(input, vec2):
    """Product of every element of the vector input (n,) with every element of vec2 (m,): (n, m)."""
    if _tensor("outer", input).ndim != 1 or _tensor("outer", vec2).ndim != 1:
        raise ValueError(f"outer: expected two vectors, got shapes {input.shape} and {vec2.shape}")
    x, y = input.data, vec2.data
    return record("outer", xp.outer(x, y), (input, lambda g: g @ y, vec2), (vec2, lambda g: x @ g, input))


# --- comparisons: not differentiable ----------------------------------------------------------------------------


def _comparison(name, function):
    def compare(input, other):
        a, b = _operands(name, input, other)
        return Tensor(function(a.data, b.data))

    compare.__name__, compare.__doc__ = name, f"Element by element: {function.__name__.replace('_', ' ')}."
    return compare


eq, ne, lt = _comparison("eq", xp.equal), _comparison("ne", xp.not_equal), _comparison("lt", xp.less)
le, gt, ge = _comparison("le", xp.less_equal), _comparison("gt", xp.greater), _comparison("ge", xp.greater_equal)


def allclose(input, other, rtol=1e-5, atol=1e-8):
    """Whether all elements agree within atol + rtol * |other|."""
    return builtins.bool(xp.allclose(input.data, other.data, rtol, atol))
