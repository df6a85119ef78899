"""Networks for sequences: embeddings of words, and recurrent cells that take one step."""

from .. import creation
from ..autograd import Tensor, record
from ..backend import xp
from ..ops import _floating, _tensor, relu, sigmoid, tanh
from ..shape_ops import split
from . import init
from .layers import linear
from .module import Module, Parameter


def _check_padding(name, padding_idx, count):
    if padding_idx is not None and not -count <= padding_idx < count:
        raise ValueError(f"{name}: padding_idx {padding_idx} is out of range for {count} embeddings")


def embedding(input, weight, padding_idx=None):
    """The rows of weight that input names.

    Parameters
    ----------
    input : Tensor (...) of integers in 0..num_embeddings-1
    weight : Tensor (num_embeddings, embedding_dim)
    padding_idx : int, optional
        The row that receives no gradient.

    Returns
    -------
    Tensor (..., embedding_dim)

    Raises
    ------
    TypeError
        If input does not hold integers.
    IndexError
        If an integer is out of range.
    """
    rows, shape = _tensor("embedding", input).data, _floating("embedding", weight).shape
    if rows.dtype.kind not in "iu":
        raise TypeError(f"embedding: input must hold integers, got {rows.dtype}")
    if rows.size and not 0 <= rows.min() <= rows.max() < shape[0]:
        raise IndexError(f"embedding: input must lie in 0..{shape[0] - 1}, found {rows.min()}..{rows.max()}")
    _check_padding("embedding", padding_idx, shape[0])

    def product(g):
        full = xp.zeros(shape, g.dtype)
        xp.add.at(full, rows, g)  # a row that is used twice receives both gradients
        if padding_idx is not None:
            full[padding_idx] = 0
        return full

    return record("embedding", weight.data[rows], (weight, product))


class Embedding(Module):
    """:func:`embedding` with a learned weight (``torch.nn.Embedding``), at first standard normal.

    Parameters
    ----------
    num_embeddings, embedding_dim : int, positive
    padding_idx : int, optional
        The row that is zero at first and receives no gradient.
    dtype : dtype, optional
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, dtype=None):
        super().__init__()
        self._set_lengths(num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        _check_padding("Embedding", padding_idx, num_embeddings)
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        self.weight = init.normal_(Parameter(creation.zeros(num_embeddings, embedding_dim, dtype=dtype)))
        if padding_idx is not None:
            self.weight.data[padding_idx] = 0

    def forward(self, input):
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self):
        shown = f"{self.num_embeddings}, {self.embedding_dim}"
        return shown if self.padding_idx is None else f"{shown}, padding_idx={self.padding_idx}"


class _Cell(Module):
    """The parameters of a cell, gate by gate, and its states; ``step`` is what the cells differ in."""

    gates, states = 1, 1

    def __init__(self, input_size, hidden_size, bias=True, dtype=None):
        super().__init__()
        self._set_lengths(input_size=input_size, hidden_size=hidden_size)
        shapes = {"weight_ih": [input_size], "weight_hh": [hidden_size], "bias_ih": [], "bias_hh": []}
        for name, columns in shapes.items():
            start = creation.zeros(self.gates * hidden_size, *columns, dtype=dtype)
            setattr(self, name, Parameter(start) if columns or bias else None)
        for parameter in self.parameters():
            init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def forward(self, input, hx=None):
        name, shape = type(self).__name__, (*_floating(type(self).__name__, input).shape[:-1], self.hidden_size)
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{name}: expected input (N, {self.input_size}) or ({self.input_size},), got {input.shape}"
            )
        if hx is None:
            hx = [creation.zeros(*shape, dtype=input.dtype)] * self.states
        states = [hx] if isinstance(hx, Tensor) else list(hx)
        if [h.shape for h in states] != [shape] * self.states:
            raise ValueError(f"{name}: hx must be {self.states} of shape {shape}, got {[h.shape for h in states]}")
        by_input, by_state = (
            linear(input, self.weight_ih, self.bias_ih),
            linear(states[0], self.weight_hh, self.bias_hh),
        )
        return self.step(by_input, by_state, *states)

    def extra_repr(self):
        shown = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")
        return (
            shown if getattr(self, "nonlinearity", "tanh") == "tanh" else f"{shown}, nonlinearity={self.nonlinearity}"
        )


class RNNCell(_Cell):
    """One step of a recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with nonlinearity 'relu'.

    ``forward(input, hx=None)`` takes input (N, input_size) or (input_size,) and hx (N, hidden_size) or (hidden_size,),
    zeros if left out, and returns h'. Weights and biases start uniform in ±1/sqrt(hidden_size), as in PyTorch.

    Parameters
    ----------
    input_size, hidden_size : int, positive
    bias : bool
    nonlinearity : 'tanh' or 'relu'
    dtype : dtype, optional

    Source: Elman (1990).
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", dtype=None):
        super().__init__(input_size, hidden_size, bias, dtype)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def step(self, a, b, h):
        """The next state, from what input and state each contribute."""
        return tanh(a + b) if self.nonlinearity == "tanh" else relu(a + b)


class LSTMCell(_Cell):
    """One step of long short-term memory: c' = f · c + i · g and h' = o · tanh(c').

    i, f, o = sigmoid(...) and g = tanh(...) of W_ih x + b_ih + W_hh h + b_hh, whose rows belong to i, f, g, o in turn.
    As :class:`RNNCell`, but hx is a pair (h, c), and so is the result.

    Source: Hochreiter and Schmidhuber (1997); the forget gate f: Gers, Schmidhuber and Cummins (2000).
    """

    gates, states = 4, 2

    def step(self, a, b, h, c):
        """The next pair of states, from what input and state each contribute to the gates."""
        i, f, g, o = split(a + b, self.hidden_size, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class GRUCell(_Cell):
    """One step of the gated recurrent unit: h' = (1 - z) · n + z · h. As :class:`RNNCell`.

    r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh) and n = tanh(W_ih x + b_ih + r · (W_hh h + b_hh)); the rows of the
    weights belong to r, z, n in turn.

    Source: Cho et al. (2014), equations 5 to 8, where r multiplies h before the product with W_hh.
    """

    gates = 3

    def step(self, a, b, h):
        """The next state, from what input and state each contribute to the gates."""
        (r, z, n), (hr, hz, hn) = (split(part, self.hidden_size, -1) for part in (a, b))
        z = sigmoid(z + hz)
        return (1 - z) * tanh(n + sigmoid(r + hr) * hn) + z * h
