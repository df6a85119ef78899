"""Losses: modules around the functions of :mod:`dlkit.nn.functional`. All take (input, target)."""

from . import functional as F
from .module import Module


class _Loss(Module):
    function = None

    def __init__(self, reduction="mean"):
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{type(self).__name__}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction

    def forward(self, input, target):
        return type(self).function(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """Mean squared error; input and target of one shape."""

    function = F.mse_loss


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities; input and target of one shape."""

    function = F.binary_cross_entropy


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of sigmoid(input); input and target of one shape."""

    function = F.binary_cross_entropy_with_logits


class NLLLoss(_Loss):
    """Minus the given log-probability (N, C) of the target class (N,)."""

    function = F.nll_loss


class CrossEntropyLoss(_Loss):
    """Cross-entropy of softmax(input) for logits (N, C) and classes (N,) or probabilities (N, C)."""

    function = F.cross_entropy
