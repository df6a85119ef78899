"""Clipping of gradients, between ``backward`` and the optimizer's step (``torch.nn.utils``)."""

from ..autograd import Tensor
from ..backend import xp

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def _gradients(parameters):
    return [p.grad for p in ([parameters] if isinstance(parameters, Tensor) else parameters) if p.grad is not None]


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False):
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), in place; return the norm they had together.

    Parameters
    ----------
    parameters : Tensor, or iterable of Tensor
        Those without a gradient are left out.
    max_norm : float, >= 0
    norm_type : float, positive
        p of the p-norm; ``float("inf")`` for the largest absolute value.
    error_if_nonfinite : bool

    Raises
    ------
    ValueError
        If max_norm is negative or norm_type is not positive.
    RuntimeError
        If the norm is not finite and error_if_nonfinite is set. Nothing is changed then.

    Source: Pascanu, Mikolov and Bengio (2013), algorithm 1.
    """
    if not (max_norm >= 0 and norm_type > 0):
        raise ValueError(f"clip_grad_norm_: needs max_norm >= 0 and norm_type > 0, got {max_norm} and {norm_type}")
    gradients = _gradients(parameters)
    norms = [xp.linalg.norm(xp.ravel(g.data), norm_type) for g in gradients if g.data.size] or [xp.float32(0)]
    norm = xp.linalg.norm(xp.stack(norms), norm_type)
    if error_if_nonfinite and not xp.isfinite(norm):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {norm}, so they cannot be clipped")
    for g in gradients:
        g.data *= xp.minimum(max_norm / (norm + 1e-6), 1)
        g._version[0] += 1
    return Tensor(norm)


def clip_grad_value_(parameters, clip_value):
    """Move every element of the gradients into [-clip_value, clip_value], in place.

    Raises
    ------
    ValueError
        If clip_value is negative.
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must be at least 0, got {clip_value}")
    for g in _gradients(parameters):
        xp.clip(g.data, -clip_value, clip_value, out=g.data)
        g._version[0] += 1
