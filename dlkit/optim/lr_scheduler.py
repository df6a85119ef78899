"""Schedulers: each step sets the learning rate of every parameter group (``torch.optim.lr_scheduler``).

A scheduler is one formula, its method ``rate``: the arguments of that method, with their defaults, are the
settings that the constructor takes. Most formulas change the learning rate that they find, so that a change by
hand or by a second scheduler carries on.
"""

import copy
import math

from .optimizers import Configured, Optimizer, refuse

__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "OneCycleLR",
    "ReduceLROnPlateau", "StepLR",
]  # fmt: skip


class LRScheduler(Configured, formula="rate", first="optimizer"):
    """Base class: the constructor sets the learning rates of epoch 0, each step those of the next epoch.

    Call ``step`` after the optimizer's steps of an epoch (or, where a scheduler counts batches, of a batch).
    Subclasses define ``rate(self, epoch, group, ...settings)`` and nothing else: the learning rate of a group in an
    epoch, given that of the epoch before in ``group["lr"]``.

    Parameters
    ----------
    optimizer : Optimizer
    *args, **named
        Settings. Those that :attr:`per_group` names may be lists with one entry for each parameter group.

    Attributes
    ----------
    last_epoch : int
        How many steps there were.

    Raises
    ------
    ValueError
        If a setting is out of range, or a list does not have one entry for each group.
    TypeError
        If the optimizer is not one, or a setting is not known or of the wrong type.
    """

    per_group = ("lr_lambda", "max_lr", "base_momentum", "max_momentum", "min_lr")

    def __init__(self, optimizer, *args, **named):
        name, kind = type(self).__name__, type(optimizer).__name__
        refuse(not isinstance(optimizer, Optimizer), TypeError, f"{name}: optimizer must be an Optimizer, got a {kind}")
        settings, groups = self.settings(optimizer, *args, **named), optimizer.param_groups
        lists = {key: settings[key] for key in self.per_group if isinstance(settings.get(key), (list, tuple))}
        for key, value in lists.items():
            refuse(len(value) != len(groups), ValueError, f"{name}: {key} must have {len(groups)} entries, got {value}")
        self.own = [{**settings, **{key: lists[key][i] for key in lists}} for i in range(len(groups))]
        self.optimizer, self.last_epoch = optimizer, -1
        for group in groups:
            group.setdefault("initial_lr", group["lr"])
        LRScheduler.step(self)

    def get_last_lr(self):
        """The learning rate of each group, as the last step left it."""
        return self._last_lr

    def step(self):
        """Set the learning rates of the next epoch."""
        epoch, groups = self.last_epoch + 1, self.optimizer.param_groups
        rates = [self.rate(epoch, group, **own) for group, own in zip(groups, self.own)]
        self.last_epoch, self._last_lr = epoch, rates
        for group, lr in zip(groups, rates):
            group["lr"] = lr

    def state_dict(self):
        """A copy of everything but the optimizer, and of the settings those that are no functions."""
        own = [{key: value for key, value in own.items() if not callable(value)} for own in self.own]
        return copy.deepcopy({**{key: value for key, value in vars(self).items() if key != "optimizer"}, "own": own})

    def load_state_dict(self, state_dict):
        """Go on where a dictionary made by :meth:`state_dict` left off; the learning rates are in the optimizer's.

        Raises
        ------
        KeyError
            If another kind of scheduler made it. Nothing is changed then.
        """
        kinds, expected = ([list(own) for own in state.get("own", ())] for state in (state_dict, self.state_dict()))
        refuse(kinds != expected, KeyError, f"{type(self).__name__}.load_state_dict: expected {expected}, got {kinds}")
        own = [{**mine, **saved} for mine, saved in zip(self.own, state_dict["own"])]
        vars(self).update(copy.deepcopy({**state_dict, "own": own}))


class LambdaLR(LRScheduler):
    """initial_lr · lr_lambda(epoch).

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable from int to float, or list of callables, one for each group
    """

    def rate(self, epoch, group, lr_lambda):
        return group["initial_lr"] * lr_lambda(epoch)


class StepLR(LRScheduler):
    """lr ← gamma · lr every step_size epochs.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int, positive
    gamma : float
    """

    def rate(self, epoch, group, step_size, gamma=0.1):
        return group["lr"] * gamma if epoch and epoch % step_size == 0 else group["lr"]


class MultiStepLR(LRScheduler):
    """lr ← gamma · lr in each of some epochs.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : list of int, positive and increasing
    gamma : float
    """

    def rate(self, epoch, group, milestones, gamma=0.1):
        return group["lr"] * gamma if epoch in milestones else group["lr"]


class ExponentialLR(LRScheduler):
    """lr ← gamma · lr every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    """

    def rate(self, epoch, group, gamma):
        return group["lr"] * gamma if epoch else group["lr"]


class LinearLR(LRScheduler):
    """A line from start_factor · initial_lr to end_factor · initial_lr in total_iters epochs, then constant.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float in (0, 1]
    end_factor : float in [0, 1]
    total_iters : int, positive
    """

    def rate(self, epoch, group, start_factor=1 / 3, end_factor=1.0, total_iters=5):
        slope = (end_factor - start_factor) / total_iters
        growth = 1 + slope / (start_factor + (epoch - 1) * slope) if 0 < epoch <= total_iters else 1
        return group["lr"] * (growth if epoch else start_factor)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from initial_lr to eta_min in T_max epochs, and back.

    Closed form: eta_min + (initial_lr - eta_min) · (1 + cos(π · epoch / T_max)) / 2.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int, positive
    eta_min : float

    Source: Loshchilov and Hutter (2017), equation 5, without restarts.
    """

    def rate(self, epoch, group, T_max, eta_min=0.0):
        now, before = (1 + math.cos(math.pi * e / T_max) for e in (epoch, epoch - 1))
        if epoch == 0:
            return group["lr"]
        if epoch % (2 * T_max) == (T_max + 1) % (2 * T_max):  # up from eta_min, which has forgotten the height
            return group["lr"] + (group["initial_lr"] - eta_min) * now / 2
        return eta_min + (group["lr"] - eta_min) * now / before


class OneCycleLR(LRScheduler):
    """Up from max_lr / div_factor to max_lr, then down to max_lr / div_factor / final_div_factor; once.

    The momentum (β1 of Adam) goes the other way, from max_momentum to base_momentum and back. Call ``step``
    after every batch.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float, or list of float
    total_steps : int, positive
        Or epochs and steps_per_epoch, its factors.
    pct_start : float in [0, 1]
        Share of the steps on the way up.
    anneal_strategy : {'cos', 'linear'}
    cycle_momentum : bool
    base_momentum, max_momentum : float, or list of float
    div_factor, final_div_factor : float, positive
    three_phase : bool
        Come down in as many steps as it took to go up, and only then to the final learning rate.

    Raises
    ------
    ValueError
        On a step after the last.

    Source: Smith and Topin (2019).
    """

    def rate(self, epoch, group, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
             anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0,
             final_div_factor=1e4, three_phase=False):  # fmt: skip
        total = (epochs or 0) * (steps_per_epoch or 0) if total_steps is None else total_steps
        refuse(total % 1 or total < 1, ValueError, f"OneCycleLR: total_steps must be a positive integer, got {total}")
        refuse(epoch > total, ValueError, f"OneCycleLR: step {epoch} comes after the last of {total}")
        low, peak = max_lr / div_factor, pct_start * total - 1
        knots = [(0, low, max_momentum), (peak, max_lr, base_momentum), (2 * peak, low, max_momentum)]
        knots = knots[: 2 + three_phase] + [(total - 1, low / final_div_factor, max_momentum)]
        end = next((i for i in range(1, len(knots) - 1) if epoch <= knots[i][0]), len(knots) - 1)
        (start, *first), (stop, *last) = knots[end - 1 : end + 1]
        share = (epoch - start) / (stop - start) if stop > start else 1
        share = (1 - math.cos(math.pi * share)) / 2 if anneal_strategy == "cos" else share
        lr, momentum = (a + (b - a) * share for a, b in zip(first, last))
        if cycle_momentum:
            refuse(not {"betas", "momentum"} & group.keys(), ValueError, "OneCycleLR: cycle_momentum needs a momentum")
            group.update({"betas": (momentum, group["betas"][1])} if "betas" in group else {"momentum": momentum})
        return lr


class ReduceLROnPlateau(LRScheduler):
    """lr ← factor · lr once a metric has not become better for more than ``patience`` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {'min', 'max'}
        Which is better.
    factor : float in [0, 1)
    patience, cooldown : int, >= 0
        After a change, bad epochs are not counted for ``cooldown`` epochs.
    threshold : float, >= 0
    threshold_mode : {'rel', 'abs'}
        Better means below best · (1 - threshold), or best - threshold; above best · (1 + threshold) or
        best + threshold in mode 'max'.
    min_lr : float, or list of float
    eps : float, >= 0
        Changes that are not larger are left out.
    """

    best, num_bad_epochs, cooldown_counter, reduce = None, 0, 0, False

    def step(self, metrics):
        """Compare the metric of an epoch, a number, with the best so far."""
        own, current, sign = self.own[0], float(metrics), 1 if self.own[0]["mode"] == "min" else -1
        best, threshold = sign * math.inf if self.best is None else self.best, sign * own["threshold"]
        bound = best * (1 - threshold) if own["threshold_mode"] == "rel" else best - threshold
        better = sign * current < sign * bound
        self.best, self.num_bad_epochs = (current, 0) if better else (best, self.num_bad_epochs + 1)
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        self.reduce = self.num_bad_epochs > own["patience"]
        if self.reduce:
            self.cooldown_counter, self.num_bad_epochs = own["cooldown"], 0
        super().step()

    def rate(self, epoch, group, mode="min", factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel", cooldown=0,
             min_lr=0, eps=1e-8):  # fmt: skip
        lr = max(group["lr"] * factor, min_lr)
        return lr if self.reduce and group["lr"] - lr > eps else group["lr"]
