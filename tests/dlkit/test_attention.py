"""Attention against PyTorch: values, gradients, every kind of mask, weights, dropout, states."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dlkit
from dlkit import nn
from dlkit.nn import functional as F

from .parity import relative_error

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def same(x, y, tolerance=1e-9):
    assert relative_error(x.detach().numpy(), y.detach().numpy()) <= tolerance


# --- one head -----------------------------------------------------------------------------------------------------

ATTEND = {"dlkit": F.scaled_dot_product_attention, "torch": torch.nn.functional.scaled_dot_product_attention}
MASKS = {
    "none": None,
    "boolean": normal(4, 5) > -0.5,
    "one row": normal(1, 5) > 0,
    "keys of each sample": normal(2, 1, 1, 5) > 0,
    "for each head": normal(2, 3, 4, 5) > 0,
    "nothing allowed in two rows": np.arange(4)[:, None] % 2 * np.ones((1, 5)) > 0,
    "nothing allowed": np.zeros((4, 5), bool),
    "added": normal(4, 5),
    "added, huge": np.full((4, 5), -1e30),
    "added, for each sample": normal(2, 1, 4, 5),
    "added, minus infinity": np.where(normal(4, 5) > 0.3, normal(4, 5, seed=1), -np.inf),
    "added, a row of minus infinity": np.where(np.arange(4)[:, None] == 1, -np.inf, normal(4, 5)),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("factor", [1, 30])
@pytest.mark.parametrize("mask", MASKS)
def test_scaled_dot_product_attention(mask, factor, scale, dtype):
    arrays = [factor * normal(2, 3, 4, 6), normal(2, 3, 5, 6, seed=1), normal(2, 3, 5, 2, seed=2)]
    mask = MASKS[mask]
    if mask is not None:
        arrays.append(mask)
    arrays = [a if a.dtype == bool else a.astype(dtype) for a in arrays]
    results = []
    for t in (dlkit, torch):
        tensors = [t.from_numpy(a).requires_grad_(a.dtype != bool) for a in arrays]
        output = ATTEND[t.__name__](*tensors, scale=scale)
        output.backward(t.from_numpy(normal(2, 3, 4, 2, seed=3).astype(dtype)))
        results.append([output, *(x.grad for x in tensors if x.requires_grad)])
    assert results[0][0].data.dtype == dtype
    for x, y in zip(*results, strict=True):
        same(x, y, TOLERANCE[dtype] * (1 if factor == 1 else 10))


@given(queries=st.integers(1, 6), keys=st.integers(1, 6))
def test_causal_attention_is_the_triangular_mask(queries, keys):
    q, k, v = (dlkit.tensor(normal(n, 3, seed=i)) for i, n in enumerate((queries, keys, keys)))
    mask = dlkit.tensor(np.tri(queries, keys) > 0)
    causal = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_array_equal(causal.numpy(), F.scaled_dot_product_attention(q, k, v, mask).numpy())
    later = dlkit.tensor(np.concatenate([v.numpy()[:1], normal(keys - 1, 3, seed=9)]))
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, later, is_causal=True).numpy()[0], v.numpy()[0])


@given(seed=st.integers(0, 1000))
def test_attention_averages_and_does_not_see_the_order_of_keys(seed):
    q, k, v = (normal(4, 3, seed=seed + i) for i in range(3))
    y = F.scaled_dot_product_attention(*map(dlkit.tensor, (q, k, v))).numpy()
    assert (y <= v.max(0) + 1e-12).all() and (y >= v.min(0) - 1e-12).all()
    order = np.random.default_rng(seed).permutation(4)
    np.testing.assert_allclose(F.scaled_dot_product_attention(*map(dlkit.tensor, (q, k[order], v[order]))).numpy(), y)


def test_dropped_weights():
    q, k, v = dlkit.zeros(1, 2), dlkit.zeros(20_000, 2), dlkit.ones(20_000, 1)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v, dropout_p=0.4).item(), 1, rtol=0.05)
    assert F.scaled_dot_product_attention(q, k, v, dropout_p=1.0).item() == 0
    assert F.scaled_dot_product_attention(q, k, v, dropout_p=0.4).item() != 1


# --- several heads ------------------------------------------------------------------------------------------------


def both(*arguments, dtype="float64", **options):
    """The module in both libraries, with the same random weights."""
    ours = nn.MultiheadAttention(*arguments, dtype=getattr(dlkit, dtype), **options)
    theirs = torch.nn.MultiheadAttention(*arguments, dtype=getattr(torch, dtype), **options)
    for i, parameter in enumerate(ours.parameters()):
        parameter.data[...] = normal(*parameter.shape, seed=i) / 2
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in ours.state_dict().items()})
    return ours, theirs


def run(modules, arrays, masks, tolerance=1e-9, same_input=False, **options):
    """Output, weights and all gradients agree."""
    results = []
    for t, module in zip((dlkit, torch), modules, strict=True):
        inputs = [t.from_numpy(a).requires_grad_() for a in arrays]
        given = {name: t.from_numpy(m) for name, m in masks.items()}
        output, weights = module(*(inputs[:1] * 3 if same_input else inputs), **given, **options)
        g = normal(*output.shape, seed=5).astype(arrays[0].dtype)
        module.zero_grad()
        total = (output * t.from_numpy(g)).sum()
        if weights is not None:
            total = total + (weights * t.from_numpy(normal(*weights.shape, seed=6).astype(arrays[0].dtype))).sum()
        total.backward()
        used = inputs[:1] if same_input else inputs
        results.append([output, weights, *(x.grad for x in used), *(p.grad for p in module.parameters())])
    (_, ours, *_), (_, theirs, *_) = results
    assert (ours is None) == (theirs is None) and results[0][0].dtype == arrays[0].dtype
    for x, y in zip(*results, strict=True):
        if y is not None:
            same(x, y, tolerance)


N, L, S, E, HEADS = 2, 3, 5, 6, 3
SOME = normal(L, S, seed=3) > 0.5
SOME[:, 2] = False  # every query may attend to something
PADDING = np.array([[False, False, False, True, True], [True, False, False, False, True]])
MULTIHEAD_MASKS = {
    "none": {},
    "boolean": {"attn_mask": SOME},
    "for each head": {"attn_mask": np.stack([np.roll(SOME, i, 0) for i in range(N * HEADS)])},
    "padding": {"key_padding_mask": PADDING},
    "both": {"attn_mask": SOME, "key_padding_mask": PADDING},
    "added": {"attn_mask": normal(L, S)},
    "added for each head": {"attn_mask": normal(N * HEADS, L, S), "key_padding_mask": normal(N, S)},
}


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("masks", MULTIHEAD_MASKS)
def test_multihead_attention(masks, batch_first):
    shapes = [(N, n, E) if batch_first else (n, N, E) for n in (L, S, S)]
    for bias, train, (need, average) in itertools.product(
        (True, False), (True, False), ((True, True), (True, False), (False, True))
    ):
        modules = [m.train(train) for m in both(E, HEADS, bias=bias, batch_first=batch_first)]
        arrays = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
        run(modules, arrays, MULTIHEAD_MASKS[masks], need_weights=need, average_attn_weights=average)


@pytest.mark.parametrize("masks", ["none", "boolean", "added"])
@pytest.mark.parametrize("average", [True, False])
def test_multihead_attention_without_batch(masks, average):
    arrays = [normal(n, E, seed=i) for i, n in enumerate((L, S, S))]
    for batch_first in (True, False):
        masks_ = MULTIHEAD_MASKS[masks] | ({"key_padding_mask": PADDING[0]} if masks == "boolean" else {})
        run(both(E, HEADS, batch_first=batch_first), arrays, masks_, average_attn_weights=average)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1), (4, 1, 2, 3, 2), (4, 4, 1, 1, 3), (4, 2, 0, 3, 3)], ids=str)
def test_multihead_attention_of_other_sizes(sizes):
    e, heads, n, length, size = sizes
    run(both(e, heads, batch_first=True), [normal(n, m, e, seed=i) for i, m in enumerate((length, size, size))], {})


def test_self_attention_in_float32_and_strided_input():
    run(both(E, HEADS, dtype="float32"), [normal(L, N, E).astype("float32")], {}, 1e-4, same_input=True)
    x = np.moveaxis(normal(E, L, 2 * N), 0, -1)[:, ::2]
    run(both(E, HEADS), [x], {}, same_input=True)


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_query_without_keys_is_nan_with_weights_and_the_bias_without(need_weights):
    ours, theirs = both(E, HEADS, batch_first=True)
    mask = SOME.copy()
    mask[1] = True
    arrays = [normal(N, n, E, seed=i) for i, n in enumerate((L, S, S))]
    x, y = (
        m(*map(t.from_numpy, arrays), attn_mask=t.from_numpy(mask), need_weights=need_weights)
        for t, m in ((dlkit, ours), (torch, theirs))
    )
    same(x[0], y[0])
    assert np.isnan(x[0].detach().numpy()).any() == need_weights
    if need_weights:
        same(x[1], y[1])


def test_dropout_of_weights_is_for_training_only():
    ours, x = nn.MultiheadAttention(4, 2, dropout=0.5), dlkit.randn(50, 1, 4)
    _, weights = ours(x, x, x, average_attn_weights=False)
    assert 0.4 < (weights == 0).float().mean().item() < 0.6
    _, weights = ours.eval()(x, x, x)
    np.testing.assert_allclose(weights.sum(-1).tolist(), np.ones((1, 50)), rtol=1e-5)


def test_multihead_attention_starts_as_in_pytorch():
    ours, theirs = nn.MultiheadAttention(64, 4), torch.nn.MultiheadAttention(64, 4)
    for (name, x), (other, y) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        x, y = x.detach().numpy(), y.detach().numpy()
        assert name == other and x.shape == y.shape and x.dtype == np.float32
        assert abs(x).max() == pytest.approx(abs(y).max(), rel=0.03)
        assert x.std() == pytest.approx(y.std(), rel=0.03)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    assert nn.MultiheadAttention(4, 2, bias=False).in_proj_bias is None
