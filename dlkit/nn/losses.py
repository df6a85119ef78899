"""Losses: functions of (input, target), the mean over all elements unless ``reduction`` is 'sum' or 'none', and their
modules. Prediction and truth have one shape, where ``torch`` might broadcast, with a warning."""

import math

from .. import creation
from ..autograd import Tensor, record
from ..backend import errstate, xp
from ..ops import _floating, _tensor, abs, clamp, exp, expm1, log, maximum, sigmoid, sign, square, where
from ..shape_ops import mean, sum
from .activations import _Function, _positive, log_softmax, logsigmoid


def _check_reduction(name, reduction):
    allowed = ["mean", "sum", "none"] + ["batchmean"] * (name in ("kl_div", "KLDivLoss"))
    if reduction not in allowed:
        raise ValueError(f"{name}: reduction must be one of {allowed}, got {reduction!r}")


def _reduce(name, loss, reduction, total=None):
    """The mean of the losses, or their sum divided by ``total``; their sum; or each of them."""
    _check_reduction(name, reduction)
    if reduction == "mean" and total is None:
        return mean(loss)
    if reduction == "mean":
        return sum(loss) / total if total else sum(loss) + math.nan  # of nothing: nan, without a gradient
    return loss if reduction == "none" else sum(loss)


def _same_shape(name, input, target):
    if _tensor(name, input).shape != _tensor(name, target).shape:
        raise ValueError(f"{name}: input has shape {input.shape} but target has shape {target.shape}")


def _expanded(name, argument, x, shape):
    """``x`` in another shape, or 1 if it is None."""
    try:
        return 1.0 if x is None else _tensor(name, x).expand(shape)
    except ValueError:
        raise ValueError(f"{name}: {argument} of shape {x.shape} does not expand to {shape}") from None


# --- regression: functions of the residual ------------------------------------------------------------------------


def _residual(name, input, target):
    _same_shape(name, input, target)
    return _floating(name, input) - _floating(name, target)


def mse_loss(input, target, reduction="mean"):
    """r² of the residuals r = input - target."""
    return _reduce("mse_loss", square(_residual("mse_loss", input, target)), reduction)


def l1_loss(input, target, reduction="mean"):
    """abs(r) of the residuals r = input - target; the derivative at 0 is taken as 0."""
    return _reduce("l1_loss", abs(_residual("l1_loss", input, target)), reduction)


def huber_loss(input, target, reduction="mean", delta=1.0):
    """r² / 2 for residuals r = input - target up to ``delta`` > 0, delta (abs(r) - delta / 2) beyond. Huber (1964)."""
    r, delta = _residual("huber_loss", input, target), _positive("huber_loss", "delta", delta)
    near = clamp(r, -delta, delta)
    return _reduce("huber_loss", near * (r - near / 2), reduction)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """:func:`huber_loss` with delta = ``beta``, divided by beta; :func:`l1_loss` for beta = 0. Girshick (2015)."""
    r = _residual("smooth_l1_loss", input, target)
    near = clamp(r / _positive("smooth_l1_loss", "beta", beta), -1, 1) if beta != 0 else sign(r)
    return _reduce("smooth_l1_loss", near * (r - near * (beta / 2)), reduction)


def tukey_loss(input, target, reduction="mean", delta=4.685):
    """Tukey's biweight: δ²/6 (1 - (1 - r²/δ²)³) for residuals r up to ``delta`` > 0, the constant δ²/6 beyond.

    Residuals beyond delta have no influence: the derivative is r (1 - r²/δ²)², then 0. Not convex, so it needs a good
    start. The default is 95 % as efficient as least squares for normal residuals of variance 1.
    Beaton and Tukey (1974).
    """
    r, delta = _residual("tukey_loss", input, target), _positive("tukey_loss", "delta", delta)
    u = clamp(r / delta, -1, 1) ** 2
    return _reduce("tukey_loss", delta**2 / 6 * u * (3 - u * (3 - u)), reduction)


def quantile_loss(input, target, reduction="mean", quantile=0.5):
    """The pinball loss max(τ e, (τ - 1) e) of e = target - input, least at the τ-quantile of the targets.

    ``quantile`` is τ, between 0 and 1; 0.5 gives half of :func:`l1_loss`. Koenker and Bassett (1978).
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile_loss: quantile must lie between 0 and 1, got {quantile}")
    e = -_residual("quantile_loss", input, target)
    return _reduce("quantile_loss", maximum(quantile * e, (quantile - 1) * e), reduction)


def barron_loss(input, target, reduction="mean", alpha=1.0, c=1.0):
    """A family of robust losses, (b/α) ((r²/(c² b) + 1)^(α/2) - 1) with b = abs(α - 2). Barron (2019), equation 8.

    Parameters
    ----------
    input, target : Tensor
    alpha : float, down to -infinity
        Shape: 2 squared, 1 smooth absolute (Charbonnier), 0 Cauchy, -2 Geman-McClure, -infinity Welsch. The loss is
        continuous in it; where the formula is 0/0 it is the limit.
    c : float, positive
        Scale: near 0 the loss is (r/c)² / 2 for every alpha.
    """
    r, c = _residual("barron_loss", input, target), _positive("barron_loss", "c", c)
    if not alpha < math.inf:
        raise ValueError(f"barron_loss: alpha must be a number below infinity, got {alpha}")
    alpha = max(float(alpha), -1e15) if math.fabs(alpha) > 1e-18 else 1e-18  # the limits, to rounding
    x, b = r.data / c, math.fabs(alpha - 2)
    if b == 0:
        return _reduce("barron_loss", r * r / (2 * c * c), reduction)
    u = xp.abs(x) / math.sqrt(b)
    power = xp.log1p(xp.minimum(u, 1e8) ** 2) + 2 * xp.log(xp.maximum(u / 1e8, 1))  # log(1 + u²), where u² may overflow
    value = b / alpha * xp.expm1(alpha / 2 * power)
    loss = record("barron_loss", value, (r, lambda g: g * x / c * xp.exp((alpha / 2 - 1) * power), r))
    return _reduce("barron_loss", loss, reduction)


# --- classification: two classes ----------------------------------------------------------------------------------


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-(t log p + (1 - t) log(1 - p)) for probabilities p = input in [0, 1] and targets t of the same shape.

    As in PyTorch the logarithms are limited to at least -100, so that p = 0 or 1 gives no infinity. ``weight``, which
    broadcasts to the shape of input, multiplies the losses.
    """
    _same_shape("binary_cross_entropy", input, target)
    p, t = input.data, target.data
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(f"binary_cross_entropy: input must lie in [0, 1], found {p.min():g} to {p.max():g}")
    with errstate(divide="ignore"):
        log_p, log_q = xp.log(p), xp.log1p(-p)
    value = -(t * xp.maximum(log_p, -100) + (1 - t) * xp.maximum(log_q, -100))
    by_input = (input, lambda g: g * (p - t) / xp.maximum(p * (1 - p), 1e-12), input, target)
    loss = record("binary_cross_entropy", value, by_input, (target, lambda g: g * (log_q - log_p), input))
    loss = loss * _expanded("binary_cross_entropy", "weight", weight, p.shape)
    return _reduce("binary_cross_entropy", loss, reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """:func:`binary_cross_entropy` of sigmoid(input), computed without overflow.

    ``weight`` multiplies the losses, ``pos_weight`` only the part of the positive class, t log p; both broadcast to the
    shape of input.
    """
    name = "binary_cross_entropy_with_logits"
    _same_shape(name, input, target)
    positive = target * logsigmoid(input) * _expanded(name, "pos_weight", pos_weight, input.shape)
    loss = -positive - (1 - target) * logsigmoid(-input)
    return _reduce(name, loss * _expanded(name, "weight", weight, input.shape), reduction)


def sigmoid_focal_loss(inputs, targets, alpha=0.25, gamma=2.0, reduction="none"):
    """-α_t (1 - p_t)^γ log p_t, where p_t is the probability sigmoid(inputs) gives to the target, 0 or 1.

    As in torchvision: α_t is alpha for targets 1 and 1 - alpha for targets 0 (a single factor for both would weight
    no class); a negative alpha leaves it out. ``gamma`` takes attention from what is already classified well.
    Lin et al. (2017), equation 5.
    """
    name = "sigmoid_focal_loss"
    _same_shape(name, inputs, targets)
    ce = binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    missed = sigmoid(-inputs) * targets + sigmoid(inputs) * (1 - targets)
    share = alpha * targets + (1 - alpha) * (1 - targets) if alpha >= 0 else 1.0
    return _reduce(name, clamp(missed, min=1e-37) ** gamma * ce * share, reduction)


# --- classification: several classes ------------------------------------------------------------------------------


def _negative(name, log_p, target, weight, ignore_index):
    """Minus the weighted log-probabilities of the target's classes, and the weights: 0 where the target is ignored."""
    shape, axis = _floating(name, log_p).shape, min(log_p.ndim - 1, 1)
    if axis < 0 or _tensor(name, target).shape != shape[:axis] + shape[axis + 1 :]:
        raise ValueError(f"{name}: expected input (N, C, ...) and target (N, ...), got {shape} and {target.shape}")
    labels, kept, last = target.data, target.data != ignore_index, shape[axis] - 1
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: target must hold integer classes, got {labels.dtype}")
    if kept.any() and not 0 <= labels[kept].min() <= labels[kept].max() <= last:
        raise ValueError(f"{name}: target must lie in 0..{last}, found {labels[kept].min()}..{labels[kept].max()}")
    labels = xp.where(kept, labels, 0)
    weights = kept if weight is None else _expanded(name, "weight", weight, (last + 1,)).data[labels] * kept
    weights, index = weights.astype(log_p.data.dtype), xp.expand_dims(labels, axis)
    picked = xp.take_along_axis(log_p.data, index, axis).squeeze(axis)

    def product(g):
        full = xp.zeros(shape, g.dtype)
        xp.put_along_axis(full, index, xp.expand_dims(-g * weights, axis), axis)
        return full

    return record("nll_loss", xp.where(weights == 0, 0, -picked) * weights, (log_p, product)), weights


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """Minus the log-probability of the target class: :func:`cross_entropy` after its logarithm of softmax.

    Parameters
    ----------
    input : Tensor (N, C), (C,) or (N, C, d1, ...)
        Log-probabilities.
    target : Tensor (N,), () or (N, d1, ...) of integer classes
        The other parameters, and the errors, are those of :func:`cross_entropy`.
    """
    loss, weights = _negative("nll_loss", input, target, weight, ignore_index)
    return _reduce("nll_loss", loss, reduction, weights.sum())


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """Minus the log-probability that softmax(input) gives the target.

    Parameters
    ----------
    input : Tensor (N, C), (C,) or (N, C, d1, ...)
        Scores before softmax (logits).
    target : Tensor (N,), () or (N, d1, ...) of integer classes, or of the shape of input, of probabilities
    weight : Tensor (C,), optional
        Factor for each class.
    ignore_index : int
        A class that marks targets to leave out.
    reduction : 'mean', 'sum' or 'none'
        The mean is over the targets, for classes the sum divided by their weights' sum; nan if all are ignored.
    label_smoothing : float in [0, 1]
        Share of the target's probability that is spread evenly over all classes. Szegedy et al. (2016), section 7.

    Raises
    ------
    ValueError
        If the shapes do not fit or a class is out of range.
    TypeError
        If classes are not integers.
    """
    name = "cross_entropy"
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must lie in [0, 1], got {label_smoothing}")
    probabilities = _tensor(name, target).shape == _tensor(name, input).shape != () and target.data.dtype.kind == "f"
    axis = min(input.ndim - 1, 1)
    log_p, count = log_softmax(input, axis), input.shape[axis] if input.ndim else 0
    shape = (-1,) + (1,) * (input.ndim - axis - 1)
    scaled = log_p if weight is None else log_p * _expanded(name, "weight", weight, (count,)).reshape(shape)
    if probabilities:
        return _reduce(name, -sum(scaled * ((1 - label_smoothing) * target + label_smoothing / count), axis), reduction)
    loss, weights = _negative(name, log_p, target, weight, ignore_index)
    if label_smoothing:
        spread = where(target != ignore_index, -sum(scaled, axis), 0.0)
        loss = (1 - label_smoothing) * loss + label_smoothing / count * spread
    return _reduce(name, loss, reduction, weights.sum())


def focal_loss(input, target, weight=None, ignore_index=-100, reduction="mean", gamma=2.0):
    """:func:`cross_entropy` with each loss multiplied by (1 - p)^gamma, where p is the target's probability.

    ``gamma`` >= 0 takes attention from what is already classified well; 0 gives cross_entropy. A ``weight`` for each
    class (α_t, or :func:`class_balanced_weights`) balances classes, which one factor for all cannot.
    Lin et al. (2017), equation 5.
    """
    log_p = log_softmax(input, min(_floating("focal_loss", input).ndim - 1, 1))
    loss, weights = _negative("focal_loss", log_p, target, weight, ignore_index)
    missed = -expm1(-_negative("focal_loss", log_p, target, None, ignore_index)[0])
    return _reduce("focal_loss", clamp(missed, min=1e-37) ** gamma * loss, reduction, weights.sum())


def class_balanced_weights(counts, beta=0.999):
    """(1 - β) / (1 - β^n), one over the effective number of samples of a class that n samples are of.

    From 1 for each class (``beta`` 0) to 1 / n (``beta`` to 1). Cui et al. (2019), equation 2.

    Parameters
    ----------
    counts : Tensor or sequence (C,)
        Number of samples of each class, at least 1.
    beta : float in [0, 1)
    """
    n = xp.asarray(counts.data if isinstance(counts, Tensor) else counts)
    if not 0 <= beta < 1 or n.size and not n.min() >= 1:
        raise ValueError(f"class_balanced_weights: needs counts >= 1 and beta in [0, 1), got {counts} and {beta}")
    return Tensor(((1 - beta) / (1 - beta**n)).astype(creation.get_default_dtype()))


# --- segmentation -------------------------------------------------------------------------------------------------


def dice_loss(input, target, reduction="mean", smooth=1.0):
    """1 - (2 Σ a b + s) / (Σ a² + Σ b² + s) for probabilities a = input and masks b = target.

    The sums run over all dimensions but the first, so that each sample has a score of its own. The squares make a = b
    the best answer for soft masks, too. ``smooth`` is s > 0, for empty masks; 1 is not small for a mask of few pixels.
    Milletari, Navab and Ahmadi (2016).

    Parameters
    ----------
    input, target : Tensor (N, d1, ...)

    Returns
    -------
    Tensor (N,) for reduction 'none', otherwise ()
    """
    _same_shape("dice_loss", input, target)
    if input.ndim < 2:
        raise ValueError(f"dice_loss: expected a batch (N, d1, ...), got shape {input.shape}")
    smooth, dims = _positive("dice_loss", "smooth", smooth), tuple(range(1, input.ndim))
    overlap, size = sum(input * target, dims), sum(input * input, dims) + sum(target * target, dims)
    return _reduce("dice_loss", 1 - (2 * overlap + smooth) / (size + smooth), reduction)


# --- distributions ------------------------------------------------------------------------------------------------


def kl_div(input, target, reduction="mean", log_target=False):
    """target (log target - input), whose sum is the Kullback-Leibler divergence of target from exp(input).

    ``target`` holds probabilities, or with ``log_target`` their logarithms. The mean over all elements is not the
    divergence: 'batchmean', the sum divided by the length of the first dimension, is. Kullback and Leibler (1951).
    """
    _same_shape("kl_div", input, target)
    log_t = target if log_target else log(where(target > 0, target, 1.0))
    loss = (exp(target) if log_target else target) * (log_t - input)
    loss = _reduce("kl_div", loss, reduction)
    return loss / input.shape[0] if reduction == "batchmean" and input.ndim else loss


def poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    """Minus the log-probability of the count ``target`` under a Poisson distribution, up to the term log(target!).

    ``input`` is the logarithm of the rate, or (``log_input`` False) the rate, to which ``eps`` is added before its
    logarithm is taken. ``full`` adds Stirling's approximation of log(target!) where target > 1.
    """
    _same_shape("poisson_nll_loss", input, target)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        n = where(target > 1, target, 1.0)
        loss = loss + where(target > 1, n * log(n) - n + 0.5 * log(2 * math.pi * n), 0.0)
    return _reduce("poisson_nll_loss", loss, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log v + (input - target)² / v) / 2: minus the log-density of target under a normal distribution of mean input.

    Parameters
    ----------
    input, target : Tensor
    var : Tensor or float
        The variance, of a shape that expands to that of input, or of that shape without its last dimension. As in
        PyTorch, v is var but at least ``eps``, with a derivative as if it were var.
    full : bool
        Add the constant log(2π) / 2.
    """
    r = _residual("gaussian_nll_loss", input, target)
    var = var if isinstance(var, Tensor) else creation.full_like(input, var)
    if var.data.size and not var.data.min() >= 0:
        raise ValueError(f"gaussian_nll_loss: var must not be negative, found {var.data.min():g}")
    if var.shape == input.shape[:-1] != input.shape:
        var = var.unsqueeze(-1)
    var = _expanded("gaussian_nll_loss", "var", var, input.shape)
    v = record("clamp", xp.maximum(var.data, eps), (var, lambda g: g))
    loss = 0.5 * (log(v) + r * r / v)
    return _reduce("gaussian_nll_loss", loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


# --- modules ------------------------------------------------------------------------------------------------------


class _Loss(_Function):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        _check_reduction(type(self).__name__, self.reduction)


globals().update(_Loss.of(
    BCELoss=binary_cross_entropy, BCEWithLogitsLoss=binary_cross_entropy_with_logits, BarronLoss=barron_loss,
    CrossEntropyLoss=cross_entropy, DiceLoss=dice_loss, FocalLoss=focal_loss, GaussianNLLLoss=gaussian_nll_loss,
    HuberLoss=huber_loss, KLDivLoss=kl_div, L1Loss=l1_loss, MSELoss=mse_loss, NLLLoss=nll_loss,
    PoissonNLLLoss=poisson_nll_loss, QuantileLoss=quantile_loss, SmoothL1Loss=smooth_l1_loss, TukeyLoss=tukey_loss,
))  # fmt: skip
