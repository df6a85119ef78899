"""Reverse-mode automatic differentiation: Tensor, the tape and the backward sweep.

Every differentiable operation makes a Tensor through :func:`record`, which notes on a *tape* how a gradient
with respect to the result becomes a gradient with respect to each input. ``backward`` walks the tape from
the newest node to the oldest. The tape links nodes, not tensors, so a value that no derivative needs is
freed as soon as the user lets go of it.
"""

import contextlib
import heapq
import itertools
import weakref

import numpy

from .backend import asnumpy, xp

__all__ = ["Tensor", "grad", "is_grad_enabled", "no_grad", "record"]

_recording = True
_clock = itertools.count()


class no_grad(contextlib.ContextDecorator):
    """Context manager and decorator: operations inside are not recorded (``torch.no_grad``)."""

    def _recreate_cm(self):
        return no_grad()  # as a decorator: one for each call, so that a function may call itself

    def __enter__(self):
        global _recording
        self._before, _recording = _recording, False

    def __exit__(self, *exc):
        global _recording
        _recording = self._before


def is_grad_enabled():
    """Whether operations are being recorded."""
    return _recording


class Node:
    """One entry of the tape: a leaf, or an operation with one vector-Jacobian product per input.

    ``order`` counts nodes as they are made. An input always exists before the result, so descending order
    is a reverse topological order of the graph: nothing has to be sorted or searched.
    """

    __slots__ = ("name", "edges", "saved", "shape", "dtype", "order", "target")

    def __init__(self, name, value, edges=(), saved=()):
        self.name = name
        self.edges = edges  # [(input's node, vector-Jacobian product), ...]; None once freed
        self.saved = saved  # [(version counter, version seen, shape), ...] of the values the products use
        self.shape = value.shape
        self.dtype = value.dtype
        self.order = next(_clock)
        self.target = None  # weak reference to the tensor whose .grad this node fills

    def __repr__(self):
        return f"<{self.name} {self.shape}>"


class Tensor:
    """An n-dimensional array that remembers how it was computed (``torch.Tensor``).

    Make tensors with :func:`dlkit.tensor`, which copies, or the other creation functions. This constructor
    wraps an array without copying it.

    Parameters
    ----------
    data : array
        The numbers, of any shape.
    requires_grad : bool
        Whether ``backward`` accumulates a gradient in ``.grad``. Needs a floating-point dtype.

    Attributes
    ----------
    data : array
        The numbers. Changing them here is not noticed by ``backward``.
    grad : Tensor or None
        Accumulated gradient, of the shape and dtype of ``data``.
    """

    __slots__ = ("data", "grad", "node", "_version", "__weakref__")
    __array_ufunc__ = None  # so that array * tensor is computed by Tensor.__rmul__
    __hash__ = object.__hash__

    def __init__(self, data, requires_grad=False):
        self.data = xp.asarray(data)
        self.grad = None
        self.node = None
        self._version = [0, 1]  # in-place changes so far, tensors on this memory
        if requires_grad:
            self.requires_grad = True

    # --- what it is -----------------------------------------------------------------------------------

    shape = property(lambda self: self.data.shape, doc="Lengths of the dimensions.")
    ndim = property(lambda self: self.data.ndim, doc="Number of dimensions.")
    dtype = property(lambda self: self.data.dtype.type, doc="Type of the elements, such as dlkit.float32.")
    device = property(
        lambda self: "cpu" if isinstance(self.data, numpy.ndarray) else "cuda",
        doc="Where the numbers are: cpu or cuda.",
    )
    is_leaf = property(
        lambda self: self.node is None or self.node.name == "leaf", doc="True unless made by a recorded operation."
    )

    @property
    def requires_grad(self):
        """Whether gradients flow to this tensor."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag):
        if not self.is_leaf:
            raise RuntimeError("requires_grad can only be set on a leaf; use .detach() to leave the graph")
        if flag and self.data.dtype.kind != "f":
            raise RuntimeError(f"requires_grad needs a floating-point tensor, this one is {self.data.dtype}")
        if flag and self.node is None:
            self.node = Node("leaf", self.data)
            self.node.target = weakref.ref(self)
        elif not flag:
            self.node = None

    def requires_grad_(self, requires_grad=True):
        """Set ``requires_grad`` and return the tensor itself."""
        self.requires_grad = requires_grad
        return self

    def __deepcopy__(self, memo):
        """A leaf with its own numbers and place on the tape, without gradient, as PyTorch copies a Parameter."""
        if not self.is_leaf:
            raise RuntimeError("deepcopy: only a leaf can be copied, this tensor was computed; use .detach() before")
        return type(self)(self.data.copy(), self.requires_grad)

    def retain_grad(self):
        """Keep the gradient of a tensor that is not a leaf in its ``.grad``, too."""
        if self.node is None:
            raise RuntimeError("retain_grad: this tensor does not require a gradient")
        self.node.target = weakref.ref(self)

    def size(self, dim=None):
        """Shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self):
        """Number of dimensions."""
        return self.ndim

    def numel(self):
        """Number of elements."""
        return self.data.size

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-dimensional tensor")
        return len(self.data)

    def __repr__(self):
        body = xp.array2string(self.data, separator=", ", precision=4, prefix="tensor(")
        extra = "" if self.node is None else ", requires_grad=True" if self.is_leaf else f", grad_fn=<{self.node.name}>"
        return f"tensor({body}{extra})"

    # --- the numbers ----------------------------------------------------------------------------------

    def item(self):
        """The only element, as a Python number."""
        if self.data.size != 1:
            raise ValueError(f"item: only a tensor with one element is a number, this one has shape {self.shape}")
        return self.data.item()

    def tolist(self):
        """The elements as nested Python lists."""
        return self.data.tolist()

    def numpy(self):
        """The numbers as a NumPy array, on the same memory, or from a GPU as a copy.

        ``.detach()`` first if the tensor requires a gradient.
        """
        if self.node is not None:
            raise RuntimeError("numpy: this tensor requires a gradient; call .detach().numpy()")
        return asnumpy(self.data)

    def __array__(self, dtype=None, copy=None):
        return numpy.array(self.numpy(), dtype=dtype, copy=copy)

    def __bool__(self):
        if self.data.size != 1:
            raise ValueError(f"the truth value of a tensor of shape {self.shape} is ambiguous; reduce it first")
        return bool(self.data.item())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if self.data.dtype.kind not in "iu":
            raise TypeError(f"only an integer tensor can be an index, this one is {self.data.dtype}")
        return int(self.item())

    def __format__(self, spec):
        return format(self.item(), spec) if spec else repr(self)

    # --- the graph ------------------------------------------------------------------------------------

    def _sharing(self, data):
        """A tensor of ``data``, a view of this one's memory: both see in-place changes."""
        view = Tensor(data)
        view._version = self._version
        self._version[1] += 1
        return view

    def detach(self):
        """The same numbers, on the same memory, outside the graph."""
        outside = Tensor(self.data)
        outside._version = self._version  # sees changes, but no gradient depends on it
        return outside

    def backward(self, gradient=None, retain_graph=False):
        """Accumulate the gradient of this tensor in ``.grad`` of every leaf it was computed from.

        Parameters
        ----------
        gradient : Tensor, optional
            Gradient of the final quantity with respect to this tensor, of this tensor's shape. May be left
            out for a single number, where it is 1.
        retain_graph : bool
            Keep the graph for another sweep. By default it is freed on the way.

        Raises
        ------
        RuntimeError
            If no gradient was recorded; if ``gradient`` is missing for several elements or has another
            shape; if the graph was freed; if a value that a derivative needs was changed in place.

        Source: reverse accumulation, Linnainmaa (1970); Griewank and Walther (2008), chapter 3.
        """
        for node, value in _sweep(self, gradient, retain_graph):
            leaf = node.target and node.target()
            if leaf is not None:
                # a copy: the array may also be on its way to another leaf
                leaf.grad = Tensor(value.copy() if leaf.grad is None else leaf.grad.data + value)

    # --- changes in place -----------------------------------------------------------------------------

    def _check_in_place(self, what):
        if _recording and self.node is not None and self.is_leaf:
            raise RuntimeError(
                f"{what}: a leaf that requires a gradient cannot be changed in place while operations are "
                "recorded; do it under dlkit.no_grad()"
            )

    def _replace(self, result, what):
        """Let ``result``, computed from this tensor, take its place (``x += y``)."""
        self._check_in_place(what)
        if result.shape != self.shape:
            raise RuntimeError(f"{what}: the result has shape {result.shape}, which does not fit in {self.shape}")
        if result.data.dtype != self.data.dtype and not xp.can_cast(result.data.dtype, self.data.dtype, "same_kind"):
            raise RuntimeError(f"{what}: the result is {result.data.dtype}, which does not fit in {self.data.dtype}")
        if _recording and result.node is not None:
            if self._version[1] > 1:
                raise RuntimeError(f"{what}: another tensor shares this memory; write x = x + y instead of x += y")
            self.node = result.node
        self.data[...] = result.data
        self._version[0] += 1
        return self

    def _check_assignment(self, what, value):
        if _recording and (self.node is not None or getattr(value, "node", None) is not None):
            raise RuntimeError(
                f"{what} is not recorded, so its gradient would be lost; "
                "build the tensor with where, cat or stack, or assign under dlkit.no_grad()"
            )

    def __setitem__(self, index, value):
        value = value if isinstance(value, Tensor) else Tensor(value)
        self._check_assignment("assigning to elements", value)
        self.data[_raw_index(index)] = value.data
        self._version[0] += 1

    def _overwrite(self, source, what):
        self._check_in_place(what)
        self._check_assignment(what, source)
        try:
            self.data[...] = source.data if isinstance(source, Tensor) else xp.asarray(source)
        except ValueError:
            raise ValueError(f"{what}: source has shape {xp.shape(source)}, which does not fit {self.shape}") from None
        self._version[0] += 1
        return self

    def copy_(self, source):
        """Overwrite the numbers with those of ``source``, which must broadcast to this shape."""
        return self._overwrite(source, "copy_")

    def fill_(self, value):
        """Set every element to ``value``."""
        return self._overwrite(value, "fill_")

    def zero_(self):
        """Set every element to zero."""
        return self._overwrite(0, "zero_")


def _raw_index(index):
    """An index with arrays of this backend in place of tensors and of other arrays."""
    if isinstance(index, tuple):
        return tuple(_raw_index(part) for part in index)
    return index.data if isinstance(index, Tensor) else xp.asarray(index) if isinstance(index, numpy.ndarray) else index


def record(name, value, *edges, saves_result=False, view=False):
    """Make the Tensor of an operation's ``value`` and note on the tape how to differentiate it.

    Parameters
    ----------
    name : str
        The operation, for error messages and drawings.
    value : array
        The result.
    *edges : (Tensor, callable, Tensor, ...)
        For each input its vector-Jacobian product, a function from the gradient with respect to the result
        (an array of the result's shape) to the gradient with respect to the input, and the tensors whose
        values that product uses: changing one in place makes ``backward`` raise. The engine undoes
        broadcasting: the product may return any shape that the input broadcasts to.
    saves_result : bool
        Whether the products use the value of the result, too.
    view : bool
        The value is on the memory of the first input.
    """
    result = edges[0][0]._sharing(value) if view else Tensor(value)
    if _recording:
        tracked, used = [], [result] if saves_result else []
        for input, product, *values in edges:
            if input.node is not None:
                tracked.append((input.node, product))
                used += values
        if tracked:
            saved = [(tensor._version, tensor._version[0], tensor.shape) for tensor in used] if used else ()
            result.node = Node(name, result.data, tracked, saved)
    return result


def unbroadcast(gradient, shape):
    """Sum ``gradient`` over the dimensions along which an input of ``shape`` was repeated."""
    extra = gradient.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, n in enumerate(shape) if n == 1 and gradient.shape[extra + i] != 1
    )
    return gradient.sum(axis=axes).reshape(shape) if axes else gradient.reshape(shape)


def _sweep(root, gradient, retain_graph):
    """Yield (node, gradient) from ``root`` backwards, each node once, after everything that uses it."""
    if root.node is None:
        raise RuntimeError(
            "backward: this tensor does not require a gradient; nothing it was computed from has "
            "requires_grad=True, or it was computed under no_grad()"
        )
    if gradient is None:
        if root.data.size != 1:
            raise RuntimeError(
                f"backward: the tensor has shape {root.shape}; without the argument gradient, only a single "
                "number can be differentiated. Reduce it (for example .sum()) or pass a gradient of that shape"
            )
        gradient = xp.ones_like(root.data)
    else:
        gradient = gradient.data if isinstance(gradient, Tensor) else xp.asarray(gradient)
        if gradient.shape != root.shape:
            raise RuntimeError(f"backward: gradient has shape {gradient.shape}, expected {root.shape}")
        gradient = gradient.astype(root.data.dtype, copy=False)

    gradients = {root.node: gradient}  # local to this call: only leaves keep anything
    waiting = [(-root.node.order, root.node)]
    while waiting:
        node = heapq.heappop(waiting)[1]
        gradient = gradients.pop(node)
        if node.edges is None:
            raise RuntimeError(
                f"backward: the graph of '{node.name}' was freed by an earlier backward; "
                "pass retain_graph=True to the first one to go through it twice"
            )
        for counter, seen, shape in node.saved:
            if counter[0] != seen:
                raise RuntimeError(
                    f"backward: '{node.name}' needs the values of a tensor of shape {shape} as they were when it "
                    f"was computed, but that tensor was changed in place {counter[0] - seen} time(s) since"
                )
        yield node, gradient
        for parent, product in node.edges:
            part = product(gradient)
            if part.shape != parent.shape:
                part = unbroadcast(part, parent.shape)
            if part.dtype != parent.dtype:
                part = part.astype(parent.dtype)
            if parent in gradients:
                gradients[parent] = gradients[parent] + part  # a new array: parts may be shared
            else:
                gradients[parent] = part
                heapq.heappush(waiting, (-parent.order, parent))
        if not retain_graph and node.edges:
            node.edges, node.saved = None, ()


def grad(outputs, inputs, grad_outputs=None, retain_graph=False, allow_unused=False):
    """Gradients of ``outputs`` with respect to ``inputs``, returned instead of accumulated.

    As ``torch.autograd.grad`` for one output tensor, without higher derivatives.

    Parameters
    ----------
    outputs : Tensor
    inputs : Tensor or sequence of Tensor
    grad_outputs : Tensor, optional
        Gradient with respect to ``outputs``; may be left out for a single number.
    retain_graph : bool
        Keep the graph for another sweep.
    allow_unused : bool
        Return None for an input that ``outputs`` does not depend on, instead of raising.

    Returns
    -------
    tuple of Tensor
        One gradient per input, of the input's shape.

    Raises
    ------
    RuntimeError
        As ``Tensor.backward``; and for an unused input, naming its position.
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = {tensor.node for tensor in inputs}
    found = {node: value for node, value in _sweep(outputs, grad_outputs, retain_graph) if node in wanted}
    missing = [i for i, tensor in enumerate(inputs) if tensor.node not in found]
    if missing and not allow_unused:
        raise RuntimeError(
            f"grad: outputs do not depend on input {missing[0]} (or it does not require a gradient); "
            "pass allow_unused=True to get None for it"
        )
    return tuple(Tensor(found[t.node].copy()) if t.node in found else None for t in inputs)
