"""Losses: against torch.nn.functional over all their options, and what must hold where PyTorch has no such thing."""

import inspect
import itertools
import math
import pickle
import warnings

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch

import dlkit
from dlkit import gradcheck, nn
from dlkit.nn import functional as F

from .parity import relative_error

REDUCTIONS = ("mean", "sum", "none")
rng = np.random.default_rng(0)


def both(function, *arrays, tolerance=1e-10):
    """Value and gradients of function(library, *tensors) agree; None stays None."""
    results = []
    for t in (dlkit, torch):
        inputs = [None if a is None else t.from_numpy(a.copy()).requires_grad_(a.dtype.kind == "f") for a in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = function(t, *inputs)
        if output.requires_grad:
            (output * t.from_numpy(np.arange(1.0, 1 + output.numel()).reshape(tuple(output.shape)))).sum().backward()
        gradients = [x.grad for x in inputs if x is not None and x.requires_grad]
        results.append([output, *gradients])
    for ours, theirs in zip(*results, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert relative_error(ours.detach().numpy(), theirs.detach().numpy()) <= tolerance


# --- classes ------------------------------------------------------------------------------------------------------

SHAPES = [(5, 3), (3,), (2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 1, 2), (1, 3), (5, 1), (1,), (2, 3, 0)]


def targets(shape, ignored=None):
    """Integer classes for logits of this shape, some of them the class to ignore."""
    axis = min(len(shape) - 1, 1)
    y = np.random.default_rng(len(shape)).integers(0, shape[axis], shape[:axis] + shape[axis + 1 :])
    if ignored is not None and y.ndim:
        y[..., ::2] = ignored
    return np.asarray(y)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [None, -100, 0, 255])
def test_classes(shape, weighted, ignored):
    x, y = rng.normal(size=shape), targets(shape, ignored)
    w = 0.5 + np.arange(shape[min(len(shape) - 1, 1)]) if weighted else None
    options = {} if ignored is None else {"ignore_index": ignored}

    def weight(t):
        return None if w is None else t.from_numpy(w)

    for how in REDUCTIONS:
        both(lambda t, x, y, h=how: t.nn.functional.nll_loss(x, y, weight(t), reduction=h, **options), x, y)
        for smoothing in (0.0, 0.1, 1.0):
            both(
                lambda t, x, y, h=how, s=smoothing: t.nn.functional.cross_entropy(
                    x, y, weight(t), reduction=h, label_smoothing=s, **options
                ),
                x,
                y,
            )


@pytest.mark.parametrize("shape", [s for s in SHAPES if 0 not in s])
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities_of_classes(shape, weighted):
    x, p = rng.normal(size=shape), rng.random(size=shape)
    w = 0.5 + np.arange(shape[min(len(shape) - 1, 1)]) if weighted else None
    for how, smoothing in itertools.product(REDUCTIONS, (0.0, 0.3, 1.0)):
        both(
            lambda t, x, p, h=how, s=smoothing: t.nn.functional.cross_entropy(
                x, p, None if w is None else t.from_numpy(w), reduction=h, label_smoothing=s
            ),
            x,
            p,
        )


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3), (4,)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_all_ignored(name, shape, smoothing):
    options = {"label_smoothing": smoothing} if name == "cross_entropy" else {}
    y = np.full_like(targets(shape), 7)
    x = rng.normal(size=shape)
    for how in REDUCTIONS:
        both(lambda t, x, y, h=how: getattr(t.nn.functional, name)(x, y, ignore_index=7, reduction=h, **options), x, y)


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_no_samples(name):
    x, y = np.zeros((0, 3)), np.zeros(0, int)
    for how in REDUCTIONS:
        both(lambda t, x, y, h=how: getattr(t.nn.functional, name)(x, y, reduction=h), x, y)
    assert math.isnan(F.focal_loss(dlkit.zeros(0, 3), dlkit.tensor(y)).item())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e4, 1e30])
def test_extreme_logits(scale, dtype):
    x = (scale * np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])).astype(dtype)
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    for smoothing in (0.0, 0.1):
        both(
            lambda t, x, y, s=smoothing: t.nn.functional.cross_entropy(x, y, label_smoothing=s),
            x,
            np.array([1, 1]),
            tolerance=tolerance,
        )
    y = dlkit.tensor([1, 1])
    loss = F.focal_loss(z := dlkit.tensor(x, requires_grad=True), y, gamma=0.5)
    loss.backward()
    assert loss.dtype == getattr(dlkit, dtype) and np.isfinite(loss.item()) and np.isfinite(z.grad.data).all()


def test_an_infinite_logit_that_is_ignored_does_no_harm():
    x, y = np.array([[-np.inf, 0.0], [1.0, 2.0]]), np.array([-100, 1])
    both(lambda t, x, y: t.nn.functional.nll_loss(x, y), x, y)


def test_cross_entropy_gradient_is_probability_minus_target():
    x = dlkit.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    y = dlkit.tensor([2, 0, 1, 1])
    F.cross_entropy(x, y).backward()
    expected = (F.softmax(x, 1).data - np.eye(3)[y.data]) / 4
    np.testing.assert_allclose(x.grad.data, expected, atol=1e-15)


def test_cross_entropy_is_what_it_is_made_of(float64):
    x, y = dlkit.tensor(rng.normal(size=(4, 5))), dlkit.tensor([1, 0, 3, 2])
    one_hot = F.one_hot(y, 5).double()
    ce = F.cross_entropy(x, y).item()
    assert math.isclose(ce, F.nll_loss(F.log_softmax(x, 1), y).item(), rel_tol=1e-12)
    assert math.isclose(ce, F.kl_div(F.log_softmax(x, 1), one_hot, reduction="batchmean").item(), rel_tol=1e-12)
    assert math.isclose(ce, F.cross_entropy(x, one_hot).item(), rel_tol=1e-12)
    smooth = F.cross_entropy(x, 0.9 * one_hot + 0.02).item()
    assert math.isclose(F.cross_entropy(x, y, label_smoothing=0.1).item(), smooth, rel_tol=1e-12)


# --- two classes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 4, 3), (1, 3), (0, 3)])
@pytest.mark.parametrize("weight", [None, (3,), (1,), "same"])
@pytest.mark.parametrize("pos_weight", [None, (3,), (1,)])
def test_binary(shape, weight, pos_weight, how):
    p, y = 0.01 + 0.98 * rng.random(shape), rng.random(shape)
    w, v = (None if s is None else 0.5 + rng.random(shape if s == "same" else s) for s in (weight, pos_weight))

    def with_logits(t, x, y):
        wt, vt = (None if a is None else t.from_numpy(a) for a in (w, v))
        return t.nn.functional.binary_cross_entropy_with_logits(x, y, weight=wt, pos_weight=vt, reduction=how)

    def of_probabilities(t, p, y):
        wt = None if w is None else t.from_numpy(w)
        return t.nn.functional.binary_cross_entropy(p, y, wt, reduction=how)

    both(with_logits, 20 * (p - 0.5), y)
    both(of_probabilities, p, y)


def test_logits_of_confident_answers_keep_their_digits():
    x = dlkit.tensor([-40.0, 40.0, -800.0, 1e4], dtype=dlkit.float64)
    right = dlkit.tensor([0.0, 1.0, 0.0, 1.0], dtype=dlkit.float64)
    losses = F.binary_cross_entropy_with_logits(x, right, reduction="none").tolist()
    np.testing.assert_allclose(losses, [math.exp(-40), math.exp(-40), 0, 0], rtol=1e-12)
    losses = F.binary_cross_entropy_with_logits(x, 1 - right, reduction="none").tolist()
    np.testing.assert_allclose(losses, [40, 40, 800, 1e4], rtol=1e-12)


def test_focal_loss_numbers(float64):
    x = dlkit.log(dlkit.tensor([[0.9, 0.1], [0.1, 0.9]]))
    losses = F.focal_loss(x, dlkit.tensor([0, 0]), reduction="none").tolist()
    np.testing.assert_allclose(losses, [0.01 * -math.log(0.9), 0.81 * -math.log(0.1)], rtol=1e-12)
    logits = dlkit.tensor([math.log(9)])  # p = 0.9
    assert math.isclose(F.sigmoid_focal_loss(logits, dlkit.ones(1), 1.0).item(), 0.01 * -math.log(0.9), rel_tol=1e-9)
    ratio = F.sigmoid_focal_loss(logits, dlkit.ones(1), 0.25) / F.sigmoid_focal_loss(-logits, dlkit.zeros(1), 0.25)
    assert math.isclose(ratio.item(), 1 / 3, rel_tol=1e-12)  # alpha weights the positive class, 1 - alpha the other


def test_focal_loss_of_certain_answers_has_a_derivative():
    x = dlkit.tensor([1000.0, -1000.0, 1000.0], requires_grad=True)
    F.sigmoid_focal_loss(x, dlkit.tensor([1.0, 0.0, 0.0]), gamma=0.5, reduction="sum").backward()
    assert x.grad.tolist() == [0, 0, 0.75]  # PyTorch's operations give nan where p_t is 1


def test_focal_loss_without_focus_is_cross_entropy(float64):
    x, w = dlkit.tensor(rng.normal(size=(2, 3, 4))), dlkit.tensor([1.0, 2.0, 0.5])
    y = dlkit.tensor([[0, 1, 2, -100], [2, 2, 1, 0]])
    for how in REDUCTIONS:
        ours = F.focal_loss(x, y, w, gamma=0.0, reduction=how).data
        np.testing.assert_allclose(ours, F.cross_entropy(x, y, w, reduction=how).data, rtol=1e-12)


def test_class_balanced_weights(float64):
    counts = dlkit.tensor([1, 10, 100, 10000])
    assert F.class_balanced_weights(counts, 0.0).tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(F.class_balanced_weights([10], 0.9999).data, [0.100045], atol=5e-7)
    np.testing.assert_allclose(F.class_balanced_weights(counts, 1 - 1e-9).data, 1 / counts.data, rtol=1e-4)
    x, y = dlkit.tensor(rng.normal(size=(3, 2))), dlkit.tensor([0, 0, 1])
    assert np.isfinite(F.cross_entropy(x, y, weight=F.class_balanced_weights([2, 1])).item())


# --- regression ---------------------------------------------------------------------------------------------------


def of_residual(function, r, **options):
    r = dlkit.tensor(np.asarray(r, float), requires_grad=True)
    loss = function(r, dlkit.zeros(*r.shape, dtype=dlkit.float64), reduction="none", **options)
    loss.sum().backward()
    return loss.data, r.grad.data


GRID = np.linspace(-5, 5, 401)


def test_huber_between_squares_and_absolute_values():
    r = GRID
    np.testing.assert_allclose(of_residual(F.huber_loss, r, delta=math.inf)[0], r**2 / 2, atol=1e-15)
    smooth = of_residual(F.smooth_l1_loss, r, beta=1.3)[0]
    np.testing.assert_allclose(smooth, of_residual(F.huber_loss, r, delta=1.3)[0] / 1.3, atol=1e-15)
    value, slope = of_residual(F.huber_loss, [-1e200, 1e200], delta=2.0)
    assert value.tolist() == [2e200, 2e200] and slope.tolist() == [-2, 2]


def test_tukey_suppresses_large_residuals():
    value, slope = of_residual(F.tukey_loss, GRID, delta=2.0)
    influence = np.where(abs(GRID) <= 2, GRID * (1 - GRID**2 / 4) ** 2, 0)
    np.testing.assert_allclose(slope, influence, atol=1e-14)
    assert (value[abs(GRID) >= 2] == 4 / 6).all() and value[200] == 0
    np.testing.assert_allclose(of_residual(F.tukey_loss, [1e-9, 1e200])[0], [1e-18 / 2, 4.685**2 / 6], rtol=1e-12)
    assert inspect.signature(F.tukey_loss).parameters["delta"].default == 4.685


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_quantile_loss_is_least_at_the_quantile(q):
    y = dlkit.tensor(np.random.default_rng(0).exponential(size=2001))
    grid = np.linspace(0, 8, 801)
    losses = [F.quantile_loss(dlkit.full_like(y, v), y, quantile=q).item() for v in grid]
    assert abs(grid[np.argmin(losses)] - np.quantile(y.data, q)) <= 0.01 and min(losses) > 0


def test_quantile_loss_at_the_median_is_half_the_absolute_residual():
    np.testing.assert_allclose(of_residual(F.quantile_loss, GRID)[0], abs(GRID) / 2)
    value, slope = of_residual(F.quantile_loss, [-2.0, 0.0, 2.0], quantile=0.9)
    np.testing.assert_allclose(value, [1.8, 0, 0.2])
    np.testing.assert_allclose(slope[[0, 2]], [-0.9, 0.1])


@pytest.mark.parametrize(
    ("alpha", "near"), [(2, 2 - 1e-7), (2, 2 + 1e-9), (0, 1e-9), (0, -1e-9), (0, 1e-300), (-math.inf, -1e9), (1, 1)]
)
def test_barron_is_continuous_in_alpha(alpha, near):
    for c in (0.5, 1.0, 3.0):
        special, close = (
            of_residual(F.barron_loss, GRID, alpha=alpha, c=c),
            of_residual(F.barron_loss, GRID, alpha=near, c=c),
        )
        for a, b in zip(special, close, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("alpha", [-1e300, -1e15, -1e6, -3, -1e-17, 1e-17, 1e-5, 0.3, 1.9, 2 - 1e-15, 2, 2 + 1e-15, 3])
def test_barron_near_zero_is_half_the_square(alpha):
    r = np.array([0.0, 1e-9, -1e-6, 1e-4])
    value, slope = of_residual(F.barron_loss, r, alpha=alpha, c=2.0)
    np.testing.assert_allclose(value, r**2 / 8, rtol=1e-7)
    np.testing.assert_allclose(slope, r / 4, rtol=1e-7)


def test_barron_grows_with_alpha():
    alphas = [-math.inf, -1e3, -2, -0.1, 0, 0.1, 1, 1.5, 2, 2.5]
    values = [of_residual(F.barron_loss, GRID[GRID != 0], alpha=a)[0] for a in alphas]
    assert all((a < b).all() for a, b in itertools.pairwise(values))


def test_barron_far_out():
    for alpha, value, slope in ((1, 1e200, 1), (0, 400 * math.log(10) - math.log(2), 2e-200), (-2, 2, 0)):
        found = of_residual(F.barron_loss, [1e200], alpha=alpha)
        np.testing.assert_allclose([found[0][0], found[1][0]], [value, slope], rtol=1e-12, atol=1e-100)


@pytest.mark.parametrize("alpha", [-math.inf, -2, 0, 0.5, 1, 2, 3])
def test_barron_by_differences(alpha):
    x, y = (dlkit.tensor(rng.normal(size=(2, 3)), requires_grad=True) for _ in range(2))
    assert gradcheck(lambda x, y: F.barron_loss(x, y, reduction="sum", alpha=alpha, c=0.7), [x, y], atol=1e-7)


# --- segmentation -------------------------------------------------------------------------------------------------

SOFT = [[0.72, 0.12, 0.06, 0.63], [0.85, 0.61, 0.08, 0.68], [0.40, 0.05, 0.79, 0.13], [0.09, 0.99, 0.93, 0.04]]
HARD = [[0.0, 0, 1, 1], [1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]


def test_dice_of_an_example(float64):
    a, b = dlkit.tensor([SOFT]), dlkit.tensor([HARD])
    assert abs(F.dice_loss(a, b).item() - 0.423789) < 5e-7
    assert abs(1 - F.dice_loss(a, b, smooth=1e-12).item() - 0.541345) < 5e-7


def test_dice_of_empty_masks_and_of_equals(float64):
    empty, soft = dlkit.zeros(2, 3, 3), dlkit.tensor([SOFT])
    assert F.dice_loss(empty, empty).item() == 0
    pixel = dlkit.tensor([[1.0, 0, 0]])
    assert F.dice_loss(pixel * 0, pixel).item() == 0.5
    assert abs(F.dice_loss(soft, soft).item()) < 1e-15  # squares make a soft mask its own best answer
    constant = dlkit.full((1, 9), 0.3)
    losses = [F.dice_loss(dlkit.full((1, 9), a / 100), constant, smooth=1e-9).item() for a in range(1, 101)]
    assert np.argmin(losses) + 1 == 30


def test_dice_scores_each_sample_by_itself(float64):
    a, b = dlkit.tensor(rng.random((3, 2, 4, 4))), dlkit.tensor((rng.random((3, 2, 4, 4)) > 0.5) + 0.0)
    each = F.dice_loss(a, b, reduction="none")
    assert each.shape == (3,)
    for i in range(3):
        assert math.isclose(each[i].item(), F.dice_loss(a[i : i + 1], b[i : i + 1]).item(), rel_tol=1e-12)
    assert math.isclose(F.dice_loss(a, b).item(), each.mean().item(), rel_tol=1e-12)
    pooled = F.dice_loss(a.reshape(1, -1), b.reshape(1, -1)).item()
    assert abs(pooled - each.mean().item()) > 1e-4


# --- distributions ------------------------------------------------------------------------------------------------


def test_kl_div_of_absent_outcomes():
    log_q, p = np.log([[0.2, 0.3, 0.5]]), np.array([[0.0, 1.0, 0.0]])
    q = dlkit.tensor(log_q, requires_grad=True)
    loss = F.kl_div(q, dlkit.tensor(p), reduction="sum")
    loss.backward()
    theirs = torch.nn.functional.kl_div(torch.tensor(log_q), torch.tensor(p), reduction="sum")
    assert math.isclose(loss.item(), theirs.item()) and q.grad.tolist() == (-p).tolist()


def test_batchmean_is_the_divergence():
    q, p = rng.dirichlet(np.ones(5), 4), rng.dirichlet(np.ones(5), 4)
    log_q, tp = dlkit.tensor(np.log(q)), dlkit.tensor(p)
    divergence = (p * np.log(p / q)).sum(1).mean()
    assert math.isclose(F.kl_div(log_q, tp, reduction="batchmean").item(), divergence, rel_tol=1e-12)
    assert math.isclose(F.kl_div(log_q, tp).item(), divergence / 5, rel_tol=1e-12)
    assert math.isclose(F.kl_div(log_q, dlkit.log(tp), "batchmean", True).item(), divergence, rel_tol=1e-12)


def test_gaussian_nll_is_minus_the_log_density(float64):
    x, y, v = (dlkit.tensor(rng.random(5) + 0.1) for _ in range(3))
    density = np.exp(-((y.data - x.data) ** 2) / (2 * v.data)) / np.sqrt(2 * np.pi * v.data)
    np.testing.assert_allclose(F.gaussian_nll_loss(x, y, v, True, reduction="none").data, -np.log(density), rtol=1e-12)


def test_poisson_nll_is_minus_the_log_probability_without_the_factorial(float64):
    rate, n = dlkit.tensor([0.5, 2.0, 7.0]), dlkit.tensor([0.0, 3.0, 10.0])
    exact = rate.data - n.data * np.log(rate.data)
    np.testing.assert_allclose(F.poisson_nll_loss(dlkit.log(rate), n, reduction="none").data, exact, rtol=1e-12)
    np.testing.assert_allclose(F.poisson_nll_loss(rate, n, False, reduction="none").data, exact, rtol=1e-6)
    full = F.poisson_nll_loss(rate, n, False, True, reduction="none").data - exact
    np.testing.assert_allclose(full, [0, math.log(6), math.log(math.factorial(10))], rtol=0.02, atol=1e-6)
    target = dlkit.zeros(2, requires_grad=True)
    F.poisson_nll_loss(dlkit.ones(2), target, full=True).backward()
    assert np.isfinite(target.grad.data).all()  # PyTorch has nan here


# --- properties ---------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1e6, 1e6)
RESIDUAL_LOSSES = {
    "mse_loss": {},
    "l1_loss": {},
    "huber_loss": {"delta": 1.5},
    "smooth_l1_loss": {"beta": 0.5},
    "tukey_loss": {"delta": 2.0},
    "barron_loss": {"alpha": 0.5, "c": 0.3},
}


@pytest.mark.parametrize("name", RESIDUAL_LOSSES)
@hypothesis.given(r=NUMBERS, shift=st.floats(-100, 100))
def test_residual_losses_are_even_and_not_negative(name, r, shift):
    function, options = getattr(F, name), RESIDUAL_LOSSES[name]
    there, back, zero = of_residual(function, [r, -r, 0.0], **options)[0]
    assert there == back >= zero == 0
    x, y = (dlkit.tensor(v, dtype=dlkit.float64, requires_grad=True) for v in (r + shift, shift))
    function(x, y, **options).backward()
    assert x.grad.item() == -y.grad.item()


@hypothesis.given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.floats(-1e3, 1e3), st.data())
def test_cross_entropy_does_not_see_a_shift_of_the_logits(logits, shift, data):
    y = dlkit.tensor(data.draw(st.integers(0, len(logits) - 1)))
    x = dlkit.tensor(logits, dtype=dlkit.float64)
    assert math.isclose(F.cross_entropy(x, y).item(), F.cross_entropy(x + shift, y).item(), abs_tol=1e-9)
    assert F.cross_entropy(x, y).item() >= 0


# --- modules ------------------------------------------------------------------------------------------------------

W3 = np.array([1.0, 2.0, 0.5])
MODULES = {  # name: (options, kind of inputs) ...
    "BCELoss": [({}, "inside"), ({"weight": W3}, "inside")],
    "BCEWithLogitsLoss": [({}, "logits"), ({"weight": W3, "pos_weight": W3 + 1}, "logits")],
    "CrossEntropyLoss": [({}, "classes"), ({"weight": W3, "ignore_index": 1, "label_smoothing": 0.1}, "classes")],
    "GaussianNLLLoss": [({}, "gaussian"), ({"full": True, "eps": 0.3}, "gaussian")],
    "HuberLoss": [({}, "logits"), ({"delta": 0.2}, "logits")],
    "KLDivLoss": [({"reduction": "batchmean"}, "logits"), ({"log_target": True}, "logits")],
    "L1Loss": [({}, "logits")],
    "MSELoss": [({}, "logits")],
    "NLLLoss": [({}, "classes"), ({"weight": W3, "ignore_index": 0}, "classes")],
    "PoissonNLLLoss": [({}, "inside"), ({"log_input": False, "full": True, "eps": 0.1}, "inside")],
    "SmoothL1Loss": [({}, "logits"), ({"beta": 0.2}, "logits")],
}
INPUTS = {
    "inside": (0.1 + 0.8 * rng.random((5, 3)), rng.random((5, 3))),
    "logits": (rng.normal(size=(5, 3)), rng.random((5, 3))),
    "classes": (rng.normal(size=(5, 3)), np.array([2, 0, 1, 1, 2])),
    "gaussian": (rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.random((5, 3))),
}
OURS = {
    "BarronLoss": ({"alpha": 0.5, "c": 2.0}, "logits"),
    "DiceLoss": ({"smooth": 0.1}, "inside"),
    "FocalLoss": ({"gamma": 1.0, "ignore_index": 1}, "classes"),
    "QuantileLoss": ({"quantile": 0.9}, "logits"),
    "TukeyLoss": ({"delta": 0.4}, "logits"),
}


@pytest.mark.parametrize("how", [None, *REDUCTIONS])
@pytest.mark.parametrize(("name", "case"), [(name, i) for name, cases in MODULES.items() for i in range(len(cases))])
def test_modules(name, case, how):
    options, kind = MODULES[name][case]
    options = options | ({"reduction": how} if how else {})

    def make(t):
        return getattr(t.nn, name)(
            **{key: t.from_numpy(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}
        )

    both(lambda t, *inputs: make(t)(*inputs), *INPUTS[kind])
    ours, theirs = make(dlkit), make(torch)
    assert repr(ours) == repr(theirs)
    state = {key: value + 1 for key, value in ours.state_dict().items()}
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    assert all((ours.state_dict()[key] == value).all() for key, value in state.items())


@pytest.mark.parametrize("name", OURS)
def test_our_modules_are_the_functions(name):
    options, kind = OURS[name]
    inputs = [dlkit.from_numpy(a) for a in INPUTS[kind]]
    function = getattr(F, {"DiceLoss": "dice_loss"}.get(name, name.removesuffix("Loss").lower() + "_loss"))
    assert getattr(nn, name)(**options)(*inputs).item() == function(*inputs, **options).item()
    assert getattr(nn, name)(**options)(*inputs).item() != function(*inputs).item()
    assert getattr(nn, name)()(*inputs).item() == function(*inputs).item()


@pytest.mark.parametrize("name", [*MODULES, *OURS])
def test_classes_are_like_written_ones(name):
    cls = getattr(nn, name)
    assert cls.__name__ == name and cls.__module__ == "dlkit.nn.losses" and pickle.loads(pickle.dumps(cls)) is cls
    assert ":func:`dlkit.nn.functional." in cls.__doc__ and len(cls.__doc__.splitlines()) >= 3
    if name in MODULES:  # the same arguments in the same order
        left_out = {"self", "size_average", "reduce"}
        theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
        expected = {key: p.default for key, p in theirs.items() if key not in left_out}
        found = inspect.signature(cls).parameters
        assert {key: p.default for key, p in found.items()} == expected and list(found) == list(expected)


FUNCTIONS = [
    *("l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy", "nll_loss", "cross_entropy"),
    *("binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss", "gaussian_nll_loss"),
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_are_those_of_pytorch(name):
    unweighted = {"mse_loss", "l1_loss", "huber_loss"}
    left_out = {"size_average", "reduce"} | ({"weight"} if name in unweighted else set())
    ours, theirs = (inspect.signature(getattr(t.nn.functional, name)).parameters for t in (dlkit, torch))
    assert [(k, p.default) for k, p in ours.items()] == [(k, p.default) for k, p in theirs.items() if k not in left_out]


def test_weights_are_buffers_and_named_inputs_are_understood():
    loss = nn.CrossEntropyLoss(dlkit.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"] and not list(loss.parameters())
    x, y = dlkit.ones(3, 2), dlkit.tensor([0, 1, 1])
    assert loss(input=x, target=y).item() == loss(x, y).item()
