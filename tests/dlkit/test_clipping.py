"""clip_grad_norm_ and clip_grad_value_ as torch.nn.utils has them."""

import math

import numpy as np
import pytest
import torch

import dlkit
from dlkit.nn import utils

from .parity import relative_error

SHAPES = ((3, 2), (), (1,), (4, 0), (2, 3, 2))


def parameters(t, dtype=np.float64, scale=1.0):
    rng, result = np.random.default_rng(0), []
    for shape in SHAPES:
        p = t.from_numpy(np.zeros(shape, dtype)).requires_grad_()
        p.grad = t.from_numpy(np.asarray(scale * rng.normal(size=shape), dtype))
        result.append(p)
    return [*result, t.from_numpy(np.zeros(2, dtype)).requires_grad_()]  # the last has no gradient


def gradients(params):
    return np.concatenate([np.asarray(p.grad).ravel() for p in params if p.grad is not None])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("norm_type", [1, 1.5, 2.0, 3, math.inf])
@pytest.mark.parametrize("max_norm", [0, 1e-6, 1.0, 2, 1e6, math.inf])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 0.0, 1e12])
def test_norm(dtype, tolerance, norm_type, max_norm, scale):
    both = [parameters(t, dtype, scale) for t in (dlkit, torch)]
    if norm_type == math.inf:  # PyTorch has no largest element of an empty gradient
        both = [[p for p in params if p.shape != (4, 0)] for params in both]
    memory = both[0][0].grad.data
    ours, theirs = (
        t.nn.utils.clip_grad_norm_(iter(params), max_norm, norm_type) for t, params in zip((dlkit, torch), both)
    )
    assert isinstance(ours, dlkit.Tensor) and ours.shape == () and ours.dtype is dtype
    assert relative_error(ours.numpy(), theirs.numpy()) <= tolerance
    mine, other = gradients(both[0]), gradients(both[1])
    assert relative_error(mine, other) <= tolerance and mine.dtype == dtype
    assert both[0][0].grad.data is memory


def test_norm_of_an_empty_gradient_does_not_count():
    params = parameters(dlkit)
    norm = utils.clip_grad_norm_(params, 1e9, math.inf)
    assert norm.item() == np.abs(gradients(params)).max()


def test_one_parameter_and_none():
    x = dlkit.ones(2, requires_grad=True)
    assert utils.clip_grad_norm_(x, 1.0).item() == 0 and utils.clip_grad_norm_([], 1.0).item() == 0
    utils.clip_grad_value_([], 1.0)
    x.grad = dlkit.tensor([3.0, -4.0])
    assert utils.clip_grad_norm_(x, 1.0).item() == 5
    np.testing.assert_allclose(x.grad.tolist(), [0.6, -0.8], rtol=1e-6)
    x.grad = dlkit.tensor([3.0, -4.0])
    utils.clip_grad_value_(x, 3.5)
    assert x.grad.tolist() == [3.0, -3.5]


@pytest.mark.parametrize("value", [0, 0.1, 1, 100.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_value(dtype, value):
    both = [parameters(t, dtype) for t in (dlkit, torch)]
    memory = both[0][0].grad.data
    for t, params in zip((dlkit, torch), both):
        assert t.nn.utils.clip_grad_value_(iter(params), value) is None
    mine = gradients(both[0])
    np.testing.assert_array_equal(mine, gradients(both[1]))
    assert mine.dtype == dtype and both[0][0].grad.data is memory


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("norm_type", [2.0, math.inf])
def test_not_finite(bad, norm_type):
    x, y = (dlkit.ones(2, requires_grad=True) for _ in range(2))
    x.grad, y.grad = dlkit.tensor([1.0, bad]), dlkit.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="the norm of the gradients is"):
        utils.clip_grad_norm_([x, y], 1.0, norm_type, error_if_nonfinite=True)
    assert x.grad.tolist()[0] == 1 and y.grad.tolist() == [1, 2]
    with np.errstate(invalid="ignore"):
        utils.clip_grad_norm_([x, y], 1.0, norm_type)
    assert y.grad.tolist() == [0, 0] if bad == math.inf else np.isnan(y.grad.tolist()).all()


def test_a_change_of_a_gradient_is_noticed():
    x, w = dlkit.ones(2, requires_grad=True), dlkit.ones(2, requires_grad=True)
    for clip in (utils.clip_grad_norm_, utils.clip_grad_value_):
        x.grad = dlkit.tensor([3.0, 4.0])
        loss = (w * w * x.grad).sum()
        clip(x, 1.0)
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()
