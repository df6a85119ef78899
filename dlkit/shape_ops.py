"""Differentiable operations that change the shape: reductions, views, indexing, joining.

As in :mod:`dlkit.ops`, ``g`` is the gradient with respect to the result. ``dim`` counts from 0, or from the
end if negative; ``keepdim`` keeps the reduced dimensions with length 1.
"""

import builtins
import collections
import math

from .autograd import Tensor, _raw_index, record
from .backend import errstate, xp
from .ops import _floating, _quiet_divide, _tensor, maximum, minimum

__all__ = [
    "argmax", "argmin", "cat", "cumsum", "einsum", "flatten", "logsumexp", "max", "mean", "min", "norm", "permute",
    "prod", "reshape", "split", "squeeze", "stack", "std", "sum", "transpose", "unsqueeze", "var",
]  # fmt: skip

max_, min_, sum_ = builtins.max, builtins.min, builtins.sum  # this module's own functions hide them
values_and_indices = collections.namedtuple("values_and_indices", ["values", "indices"])

# --- reductions -------------------------------------------------------------------------------------------------


def _axes(name, x, dim):
    """The dimensions meant by ``dim`` (None, an int or several) as a tuple of non-negative ints."""
    dims = range(_tensor(name, x).ndim) if dim is None else dim if isinstance(dim, tuple | list) else (dim,)
    for d in dims:
        if not isinstance(d, int | xp.integer):
            raise TypeError(f"{name}: dim must be an integer, got {d!r}")
        if not -max_(_tensor(name, x).ndim, 1) <= d < max_(x.ndim, 1):
            raise IndexError(f"{name}: dim {d} is out of range for a tensor of shape {x.shape}")
    axes = tuple(d % x.ndim for d in dims) if x.ndim else ()
    if len(set(axes)) != len(axes):
        raise ValueError(f"{name}: dim {dim} names a dimension twice")
    return axes


def _axis(name, x, dim):
    """The one dimension meant by ``dim``; 0 for a single number."""
    axes = _axes(name, x, dim)
    if len(axes) > 1:
        raise TypeError(f"{name}: dim must be a single integer, got {dim!r}")
    return axes[0] if axes else 0


def _restore(value, axes, keepdim):
    """``value`` with its reduced dimensions back, of length 1."""
    return value if keepdim else xp.expand_dims(value, axes)


def sum(input, dim=None, keepdim=False):
    """Sum over ``dim`` (all dimensions if left out)."""
    axes, shape = _axes("sum", input, dim), input.shape
    value = input.data.sum(axis=axes, keepdims=keepdim)
    return record("sum", value, (input, lambda g: xp.broadcast_to(_restore(g, axes, keepdim), shape)))


def mean(input, dim=None, keepdim=False):
    """Mean over ``dim`` (all dimensions if left out); nan over nothing."""
    axes, shape = _axes("mean", _floating("mean", input), dim), input.shape
    count = math.prod(shape[a] for a in axes)
    value = input.data.sum(axis=axes, keepdims=keepdim)
    value = value / value.dtype.type(count) if count else value * xp.nan
    return record("mean", value, (input, lambda g: xp.broadcast_to(_restore(g / max_(count, 1), axes, keepdim), shape)))


def var(input, dim=None, correction=1, keepdim=False):
    """Variance over ``dim``: squared deviations from the mean, summed and divided by count - correction."""
    axes = _axes("var", _floating("var", input), dim)
    x, count = input.data, math.prod(input.shape[a] for a in axes) - correction
    centred = x - x.mean(axis=axes, keepdims=True)
    total = (centred * centred).sum(axis=axes, keepdims=keepdim)
    value = total / total.dtype.type(count) if count > 0 else total * xp.nan
    return record("var", value, (input, lambda g: 2 / max_(count, 1) * centred * _restore(g, axes, keepdim), input))


def std(input, dim=None, correction=1, keepdim=False):
    """Standard deviation over ``dim``: the square root of :func:`var`."""
    variance = var(input, dim, correction, keepdim)
    y = xp.sqrt(variance.data)

    def product(g):
        return xp.where(y == 0, 0, _quiet_divide(g, 2 * y))  # 0 where all are equal, as in PyTorch

    return record("std", y, (variance, product), saves_result=True)


def max(input, dim=None, keepdim=False):
    """Maximum.

    Of the whole tensor, where equal maxima share the gradient; over the dimension ``dim``, as a pair
    (values, indices), where the first of equal maxima receives it; or, with a tensor in place of ``dim``,
    element by element as :func:`maximum`.
    """
    return maximum(input, dim) if isinstance(dim, Tensor) else _select("max", xp.argmax, input, dim, keepdim)


def min(input, dim=None, keepdim=False):
    """Minimum, in the forms of :func:`max`."""
    return minimum(input, dim) if isinstance(dim, Tensor) else _select("min", xp.argmin, input, dim, keepdim)


def _select(name, find, input, dim, keepdim):
    x = input.data
    _check_choice(name, input, dim)
    if dim is None:
        value = x.ravel()[find(x)]
        ties = x == value
        return record(name, value, (input, lambda g: g * ties / ties.sum(), input))
    axis = _axis(name, input, dim)
    if x.ndim == 0:
        return values_and_indices(record(name, x, (input, lambda g: g)), Tensor(xp.asarray(0)))
    index = xp.expand_dims(find(x, axis=axis), axis)
    value = xp.take_along_axis(x, index, axis)

    def product(g):
        full = xp.zeros_like(x, dtype=g.dtype)
        xp.put_along_axis(full, index, _restore(g, axis, keepdim), axis)
        return full

    shown = (lambda a: a) if keepdim else lambda a: a.squeeze(axis)
    return values_and_indices(record(name, shown(value), (input, product)), Tensor(shown(index)))


def _check_choice(name, input, dim):
    if math.prod(input.shape[axis] for axis in _axes(name, input, dim)) == 0:
        raise ValueError(f"{name}: a tensor of shape {input.shape} has no elements to choose from")


def argmax(input, dim=None, keepdim=False):
    """Index of the maximum over ``dim``, or in the flattened tensor; the first of several."""
    return _arg(xp.argmax, "argmax", input, dim, keepdim)


def argmin(input, dim=None, keepdim=False):
    """Index of the minimum over ``dim``, or in the flattened tensor; the first of several."""
    return _arg(xp.argmin, "argmin", input, dim, keepdim)


def _arg(find, name, input, dim, keepdim):
    _check_choice(name, input, dim)
    return Tensor(find(input.data, axis=dim if input.ndim else None, keepdims=keepdim and input.ndim > 0))


def prod(input, dim=None, keepdim=False):
    """Product over ``dim`` (all dimensions if left out), differentiable at zeros, too."""
    flat = reshape(input, -1) if dim is None else input
    axis = _axis("prod", flat, 0 if dim is None else dim)
    x = flat.data.reshape(1) if flat.ndim == 0 else flat.data
    value = x.prod(axis=axis, keepdims=keepdim and dim is not None)

    def product(g):
        # of all other elements: those before times those after, so that a zero needs no division
        n = x.shape[axis]
        if n == 0:
            return x
        ones = xp.ones_like(x.take(indices=range(1), axis=axis))
        before = xp.cumprod(xp.concatenate([ones, x.take(range(n - 1), axis)], axis), axis)
        behind = xp.flip(x.take(range(1, n), axis), axis)
        after = xp.flip(xp.cumprod(xp.concatenate([ones, behind], axis), axis), axis)
        return before * after * (g if keepdim and dim is not None else xp.expand_dims(g, axis))

    return record("prod", value, (flat, product, flat))


def cumsum(input, dim):
    """Running sum along ``dim``."""
    axis = _axis("cumsum", input, dim)
    value = input.data.cumsum(axis).reshape(input.shape)

    def product(g):
        return xp.flip(xp.flip(xp.atleast_1d(g), axis).cumsum(axis), axis)

    return record("cumsum", value, (input, product))


def norm(input, p=2, dim=None, keepdim=False):
    """Euclidean norm over ``dim`` (p=2), or the sum of absolute values (p=1)."""
    if p == 1:
        return sum(input.abs(), dim, keepdim)
    if p != 2:
        raise ValueError(f"norm: p must be 1 or 2, got {p}")
    axes, x = _axes("norm", _floating("norm", input), dim), input.data
    length = xp.sqrt((x * x).sum(axis=axes, keepdims=True))

    def product(g):
        return _restore(g, axes, keepdim) * xp.where(length == 0, 0, _quiet_divide(x, length))

    return record("norm", length if keepdim else length.squeeze(axes), (input, product, input))


def _top(x, axes):
    """The maximum over axes, kept with length 1; -inf over nothing."""
    if x.size:
        return x.max(axis=axes, keepdims=True)
    return xp.full([1 if axis in axes else n for axis, n in enumerate(x.shape)], -xp.inf, x.dtype)


def logsumexp(input, dim, keepdim=False):
    """log of the sum of exp over ``dim``, without overflow."""
    axes, x = _axes("logsumexp", _floating("logsumexp", input), dim), input.data
    top = _top(x, axes)
    top = xp.where(xp.isfinite(top), top, 0)
    with errstate(divide="ignore"):
        value = xp.log(xp.exp(x - top).sum(axis=axes, keepdims=True)) + top
    shown = value if keepdim else value.squeeze(axes)
    return record("logsumexp", shown, (input, lambda g: xp.exp(x - value) * _restore(g, axes, keepdim), input))


# --- views ------------------------------------------------------------------------------------------------------


def _sizes(name, sizes):
    sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    for n in sizes:
        if not isinstance(n, int | xp.integer):
            raise TypeError(f"{name}: lengths and dimensions must be integers, got {sizes}")
    return sizes


def reshape(input, *shape):
    """The elements in another shape; one length may be -1."""
    shape, before = _sizes("reshape", shape), _tensor("reshape", input).shape
    try:
        value = input.data.reshape(shape)
    except ValueError:
        raise ValueError(
            f"reshape: {input.numel()} elements of shape {before} do not fit into shape {tuple(shape)}"
        ) from None
    view = xp.may_share_memory(value, input.data)
    return record("reshape", value, (input, lambda g: g.reshape(before)), view=view)


def view(input, *shape):
    """As :func:`reshape`."""
    return reshape(input, *shape)


def flatten(input, start_dim=0, end_dim=-1):
    """Dimensions start_dim to end_dim merged into one."""
    if _tensor("flatten", input).ndim == 0:
        return reshape(input, 1)
    first, last = _axis("flatten", input, start_dim), _axis("flatten", input, end_dim)
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    merged = math.prod(input.shape[first : last + 1])
    return reshape(input, *input.shape[:first], merged, *input.shape[last + 1 :])


def squeeze(input, dim=None):
    """Without the dimensions of length 1 (all of them, or those in ``dim``)."""
    dims = range(input.ndim) if dim is None else _axes("squeeze", input, dim)
    return reshape(input, *(n for d, n in enumerate(input.shape) if n != 1 or d not in dims))


def unsqueeze(input, dim):
    """With a new dimension of length 1 at position ``dim``."""
    if not -input.ndim - 1 <= dim <= input.ndim:
        raise IndexError(f"unsqueeze: dim {dim} is out of range for a tensor of shape {input.shape}")
    shape = list(input.shape)
    shape.insert(dim % (input.ndim + 1), 1)
    return reshape(input, *shape)


def permute(input, *dims):
    """The dimensions in another order."""
    axes = _axes("permute", input, _sizes("permute", dims))
    if len(axes) != input.ndim:
        raise ValueError(f"permute: {axes} does not name each of the {input.ndim} dimensions of shape {input.shape}")
    back = tuple(axes.index(d) for d in range(input.ndim))
    return record("permute", input.data.transpose(axes), (input, lambda g: g.transpose(back)), view=True)


def transpose(input, dim0, dim1):
    """Two dimensions swapped."""
    a, b = _axis("transpose", input, dim0), _axis("transpose", input, dim1)
    if input.ndim == 0:
        return permute(input)
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return permute(input, *order)


def expand(input, *sizes):
    """Dimensions of length 1 repeated to the given lengths (-1: as it is) without copying."""
    sizes = _sizes("expand", sizes)
    known = (1,) * (len(sizes) - input.ndim) + input.shape
    shape = tuple(k if n == -1 else n for n, k in zip(sizes, known, strict=False))
    try:
        value = xp.broadcast_to(input.data, shape)
    except ValueError:
        raise ValueError(f"expand: a tensor of shape {input.shape} cannot be expanded to {tuple(sizes)}") from None
    return record("expand", value, (input, lambda g: g), view=True)


# --- indexing and joining -----------------------------------------------------------------------------------------


def getitem(input, index):
    """Elements chosen by integers, slices, None, ``...``, boolean masks or integer tensors."""
    raw = _raw_index(index)
    parts = raw if isinstance(raw, tuple) else (raw,)
    basic = all(
        part is None or part is Ellipsis or isinstance(part, int | xp.integer | slice) and not isinstance(part, bool)
        for part in parts
    )
    if basic and Ellipsis not in parts:
        raw = (*parts, Ellipsis)  # so that a single number is a view, too
    try:
        value = input.data[raw]
    except IndexError as error:
        raise IndexError(f"index does not fit a tensor of shape {input.shape}: {error}") from None
    shape, dtype = input.shape, input.data.dtype

    def product(g):
        full = xp.zeros(shape, dtype)
        if basic:
            full[raw] = g
        else:
            xp.add.at(full, raw, g)  # an element chosen twice receives both gradients
        return full

    return record("getitem", value, (input, product), view=basic)


def cat(tensors, dim=0):
    """Tensors joined along a dimension; all other lengths must agree."""
    tensors = list(tensors)
    if not tensors:
        raise ValueError("cat: expected at least one tensor")
    axis = _axis("cat", tensors[0], dim)
    rest = [t.shape[:axis] + t.shape[axis + 1 :] for t in tensors]
    for i, t in enumerate(tensors):
        if t.ndim != tensors[0].ndim or rest[i] != rest[0] or t.ndim == 0:
            raise ValueError(
                f"cat: tensor {i} has shape {t.shape}, which does not fit {tensors[0].shape} except along dim {dim}"
            )
    ends = xp.cumsum([0] + [t.shape[axis] for t in tensors]).tolist()

    def part(i):
        chosen = (slice(None),) * axis + (slice(ends[i], ends[i + 1]),)
        return lambda g: g[chosen]

    floating = [t.data.dtype for t in tensors if t.data.dtype.kind == "f"]  # which integers adopt
    value = xp.concatenate([t.data for t in tensors], axis, dtype=xp.result_type(*floating) if floating else None)
    return record("cat", value, *((t, part(i)) for i, t in enumerate(tensors)))


def stack(tensors, dim=0):
    """Tensors of one shape along a new dimension."""
    tensors = list(tensors)
    if not tensors:
        raise ValueError("stack: expected at least one tensor")
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: tensor {i} has shape {t.shape}, the first has {tensors[0].shape}")
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def split(tensor, split_size_or_sections, dim=0):
    """Consecutive pieces along ``dim``: of one length (the last may be shorter), or of the lengths given."""
    axis = _axis("split", tensor, dim)
    total, lengths = tensor.shape[axis], split_size_or_sections
    if isinstance(lengths, int):
        if lengths < 1:
            raise ValueError(f"split: the length of a piece must be positive, got {lengths}")
        lengths = [min_(lengths, total - start) for start in range(0, max_(total, 1), lengths)]
    if sum_(lengths) != total:
        raise ValueError(f"split: lengths {list(lengths)} add up to {sum_(lengths)}, but dim {dim} has {total}")
    pieces, start = [], 0
    for n in lengths:
        pieces.append(getitem(tensor, (slice(None),) * axis + (slice(start, start + n),)))
        start += n
    return tuple(pieces)


def einsum(equation, *operands):
    """Sum of products over named dimensions: ``einsum("ij,jk->ik", a, b)`` is a @ b.

    Parameters
    ----------
    equation : str
        One letter for each dimension of each operand, separated by commas; after ``->`` those of the result. Without
        ``->`` these are the letters that occur once, in alphabetical order. An operand cannot repeat a letter.
    *operands : Tensor

    Raises
    ------
    ValueError
        If the letters do not fit the operands, or one letter stands for two lengths.
    """
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:
        result = "".join(letter for letter in sorted(set(left) - {","}) if left.count(letter) == 1)
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {equation!r} has {len(terms)} operands, got {len(operands)} tensors")
    lengths = {}
    for i, (term, x) in enumerate(zip(terms, operands)):
        if not (term.isalpha() or term == "") or len(set(term)) != len(term) or len(term) != _tensor("einsum", x).ndim:
            raise ValueError(
                f"einsum: {term!r} must name each dimension of operand {i}, shape {x.shape}, by another letter"
            )
        for letter, n in zip(term, x.shape):
            if lengths.setdefault(letter, n) != n:
                raise ValueError(
                    f"einsum: {letter!r} is {lengths[letter]} long, but {n} in operand {i}, shape {x.shape}"
                )
    if not set(result) <= set(lengths) or len(set(result)) != len(result):
        raise ValueError(f"einsum: the result {result!r} must name dimensions of the operands, each once")
    arrays = [x.data for x in operands]

    def product(i):
        # as the sum itself, with the gradient in place of operand i; letters of it alone were summed, so spread again
        others = terms[:i] + terms[i + 1 :]
        shared = "".join(letter for letter in terms[i] if letter in set("".join(others) + result))
        shape = [lengths[letter] if letter in shared else 1 for letter in terms[i]]
        formula = ",".join([result, *others]) + "->" + shared

        def back(g):
            part = xp.einsum(formula, g, *arrays[:i], *arrays[i + 1 :], optimize=True).reshape(shape)
            return xp.broadcast_to(part, arrays[i].shape)

        return back

    value = xp.einsum(",".join(terms) + "->" + result, *arrays, optimize=True)
    used = [[y for k, y in enumerate(operands) if k != i] for i in range(len(operands))]
    return record("einsum", value, *((x, product(i), *used[i]) for i, x in enumerate(operands)))
