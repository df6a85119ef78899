"""Embedding and recurrent cells against PyTorch: values, gradients over several steps, initial values, states."""

import itertools

import numpy as np
import pytest
import torch

import dlkit
from dlkit import nn

from .parity import relative_error

CELLS = [
    (name, options)
    for name, options in itertools.product(("RNNCell", "LSTMCell", "GRUCell"), ({}, {"bias": False}))
] + [("RNNCell", {"nonlinearity": "relu"})]  # fmt: skip
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def both(name, *arguments, dtype="float64", **options):
    """The layer in both libraries, with the weights of ours."""
    ours = getattr(nn, name)(*arguments, dtype=getattr(dlkit, dtype), **options)
    theirs = getattr(torch.nn, name)(*arguments, dtype=getattr(torch, dtype), **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})
    return ours, theirs


def unrolled(t, cell, inputs, states):
    """Gradients of everything after the cell has walked along the sequence, and its last output."""
    inputs = t.from_numpy(inputs).requires_grad_()
    states = None if states is None else [t.from_numpy(s).requires_grad_() for s in states]
    hx = None if states is None else tuple(states) if len(states) > 1 else states[0]
    total = 0
    for step in range(len(inputs)):
        hx = cell(inputs[step], hx)
        last = hx if isinstance(hx, tuple) else (hx,)
        total = total + sum((h * h * (step + i + 1)).sum() for i, h in enumerate(last))
    total.backward()
    return [*last, inputs.grad, *(s.grad for s in states or ()), *(p.grad for p in cell.parameters())]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "options"), CELLS, ids=str)
@pytest.mark.parametrize(
    ("batch", "sizes"), [((4,), (3, 5)), ((1,), (1, 1)), ((), (3, 2)), ((0,), (3, 2)), ((2,), (6, 1))], ids=str
)
def test_cell(name, options, batch, sizes, dtype):
    for given, scale in itertools.product((True, False), (1, 100)):
        cells = both(name, *sizes, dtype=dtype, **options)
        inputs = (scale * normal(4, *batch, sizes[0])).astype(dtype)
        states = [normal(*batch, sizes[1], seed=i).astype(dtype) for i in range(1 + (name == "LSTMCell"))]
        found = [
            unrolled(t, cell, inputs, states if given else None) for t, cell in zip((dlkit, torch), cells, strict=True)
        ]
        for i, (x, y) in enumerate(zip(*found, strict=True)):
            assert x.data.dtype == dtype
            if scale == 1 or i < len(states):  # where tanh saturates, its derivative has no digits
                assert relative_error(x.detach().numpy(), y.detach().numpy()) <= TOLERANCE[dtype]
            assert np.isfinite(x.detach().numpy()).all()


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_gradients_agree_with_finite_differences(name):
    cell, x = getattr(nn, name)(2, 3, dtype=float), dlkit.tensor(normal(2, 2), requires_grad=True)
    states = [dlkit.tensor(normal(2, 3, seed=i), requires_grad=True) for i in (1, 2)[: cell.states]]

    def function(*tensors):
        result = cell(tensors[0], tensors[1 : 1 + len(states)])
        return dlkit.cat(result) if isinstance(result, tuple) else result

    assert dlkit.gradcheck(function, [x, *states, *cell.parameters()], atol=1e-6, rtol=1e-6)


def test_lstm_remembers_with_an_open_forget_gate_and_a_closed_input_gate():
    cell = nn.LSTMCell(1, 1)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    cell.bias_ih.data[:] = [-100, 100, 5, 100]
    h, c = None, dlkit.tensor([[0.3]])
    state = (dlkit.zeros(1, 1), c)
    for _ in range(100):
        h, c = state = cell(dlkit.ones(1, 1), state)
    np.testing.assert_allclose(c.tolist(), [[0.3]], rtol=1e-6)
    np.testing.assert_allclose(h.tolist(), np.tanh([[0.3]]), rtol=1e-6)


@pytest.mark.parametrize(("name", "options"), CELLS, ids=str)
def test_cells_start_as_in_pytorch(name, options):
    ours, theirs = (getattr(lib, name)(30, 64, **options) for lib in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    for x, y in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert x.shape == tuple(y.shape) and x.dtype == dlkit.float32
        for values in (x.detach().numpy(), y.detach().numpy()):
            assert abs(values).max() <= 1 / 8 and abs(values).max() > 0.11
            assert values.std() == pytest.approx(1 / 8 / np.sqrt(3), rel=0.2)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})


def test_a_cell_learns_to_add_up():
    """The sign of a sum of ten numbers, from the last state only."""
    dlkit.manual_seed(0)
    x = dlkit.randn(10, 200, 1)
    target = (x.sum(0) > 0).float()
    cell, head = nn.GRUCell(1, 8), nn.Linear(8, 1)
    optimizer = dlkit.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.03)
    for _ in range(40):
        h = None
        for step in x:
            h = cell(step, h)
        loss = nn.functional.binary_cross_entropy_with_logits(head(h), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert ((head(h) > 0).float() == target).float().mean().item() > 0.95


# --- embedding ----------------------------------------------------------------------------------------------------

WORDS = [np.array([1, 2, 1, 0]), np.array([[0, 3], [3, 3]]), np.array(2), np.zeros((0, 2), int)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("padding_idx", [None, 0, 3, -1, -4])
@pytest.mark.parametrize("words", WORDS, ids=str)
def test_embedding(words, padding_idx, dtype):
    ours, theirs = both("Embedding", 4, 3, padding_idx=padding_idx, dtype=dtype)
    assert ours.padding_idx == theirs.padding_idx and repr(ours) == repr(theirs)
    outputs = ours(dlkit.from_numpy(words)), theirs(torch.from_numpy(words))
    g = normal(*words.shape, 3).astype(dtype)
    for t, y in zip((dlkit, torch), outputs, strict=True):
        y.backward(t.from_numpy(np.asarray(g)))
    assert outputs[0].data.dtype == dtype
    assert relative_error(outputs[0].detach().numpy(), outputs[1].detach().numpy()) == 0
    assert relative_error(ours.weight.grad.numpy(), theirs.weight.grad.numpy()) <= TOLERANCE[dtype]


@pytest.mark.parametrize("padding_idx", [None, 1, -2])
def test_embedding_starts_standard_normal_with_a_row_of_zeros(padding_idx):
    weight = nn.Embedding(300, 100, padding_idx).weight.detach().numpy()
    assert weight.dtype == np.float32
    assert abs(weight.mean()) < 0.02 and weight.std() == pytest.approx(1, rel=0.02)
    assert np.flatnonzero((weight == 0).all(1)).tolist() == ([] if padding_idx is None else [padding_idx % 300])


def test_embedding_is_one_hot_times_weight():
    words, layer = dlkit.tensor([2, 0, 2]), nn.Embedding(4, 3)
    assert layer(words).tolist() == (nn.functional.one_hot(words, 4).float() @ layer.weight).tolist()
