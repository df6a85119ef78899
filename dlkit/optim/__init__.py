"""Optimizers and learning rate schedulers (``torch.optim``)."""

from . import lr_scheduler
from .optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, Lookahead, NAdam, Optimizer, RAdam, RMSprop, Rprop

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Lookahead", "NAdam", "Optimizer", "RAdam", "RMSprop", "Rprop", "SGD",
    "lr_scheduler",
]  # fmt: skip
