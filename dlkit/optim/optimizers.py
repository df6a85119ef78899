"""Optimizers: each step changes the parameters in place, against their gradients.

An optimizer is one formula, its method ``change``. The arguments of that method, with their defaults, are the
settings that the constructor takes, with two more that are the same for all:

- maximize (False): climb. The formula gets minus the gradient.
- decoupled_weight_decay (False): weight_decay is not added to the gradient, as weight_decay · θ, but shrinks θ
  by the factor 1 - lr · weight_decay before the step.

In the formulas, g is the gradient of a parameter θ and t counts the steps of that parameter from 1.
"""

import copy
import inspect
import math

from ..autograd import Tensor
from ..backend import xp

_RANGES = (  # names of settings, what they must be, and the test of it, which also sees the other settings
    ("lr eps weight_decay momentum lr_decay initial_accumulator_value momentum_decay patience threshold cooldown",
     "a number of at least 0", lambda x, _: x >= 0),
    ("div_factor final_div_factor", "a positive number", lambda x, _: x > 0),
    ("alpha rho pct_start end_factor", "a number in [0, 1]", lambda x, _: 0 <= x <= 1),
    ("start_factor", "a number in (0, 1]", lambda x, _: 0 < x <= 1),
    ("factor", "a number in [0, 1)", lambda x, _: 0 <= x < 1),
    ("betas", "two numbers in [0, 1)", lambda x, _: [0 <= beta < 1 for beta in x] == [True, True]),
    ("etas", "two numbers with 0 < etas[0] < 1 < etas[1]", lambda x, _: len(x) == 2 and 0 < x[0] < 1 < x[1]),
    ("step_sizes", "two numbers, positive and in order", lambda x, _: len(x) == 2 and 0 < x[0] <= x[1]),
    ("k step_size T_max total_iters", "a positive integer", lambda x, _: x > 0 and x % 1 == 0),
    ("milestones", "increasing positive integers", lambda x, _: all(a < b and b % 1 == 0 for a, b in zip([0, *x], x))),
    ("nesterov", "used with momentum and without dampening", lambda x, s: not x or s["momentum"] > 0 == s["dampening"]),
    ("mode", "'min' or 'max'", lambda x, _: x in ("min", "max")),
    ("threshold_mode", "'rel' or 'abs'", lambda x, _: x in ("rel", "abs")),
    ("anneal_strategy", "'cos' or 'linear'", lambda x, _: x in ("cos", "linear")),
)  # fmt: skip


def refuse(wrong, kind, message):
    """Raise an error of this kind if something is wrong."""
    if wrong:
        raise kind(message)


class Configured:
    """Base of optimizers and schedulers: the arguments of their formula, after the first two, are the settings."""

    common = {}  # settings of all, with their defaults

    def __init_subclass__(cls, formula=None, first=None, **options):
        super().__init_subclass__(**options)
        cls.formula, cls.first = formula or cls.formula, first or cls.first
        if hasattr(cls, cls.formula):  # what help() shows, and what binds the arguments of the constructor
            _, _, _, *own = inspect.signature(getattr(cls, cls.formula)).parameters.values()
            first, last = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
            shared = [inspect.Parameter(key, last, default=value) for key, value in cls.common.items()]
            target = inspect.Parameter(cls.first, first)
            cls.__signature__ = inspect.Signature([target, *own, *shared])

    def settings(self, *args, **named):
        """All settings by name, from the arguments of the constructor and the defaults."""
        try:
            bound = self.__signature__.bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        bound.apply_defaults()
        settings = {key: value for key, value in bound.arguments.items() if key != self.first}
        self.check(settings)
        return settings

    def check(self, settings):
        """Raise TypeError or ValueError if a setting is not what it must be."""
        for key, words, fits in ((key, *row) for keys, *row in _RANGES for key in keys.split() if key in settings):
            try:
                kind = None if fits(settings[key], settings) else ValueError
            except TypeError:
                kind = TypeError
            refuse(kind, kind, f"{type(self).__name__}: {key} must be {words}, got {settings[key]!r}")


class Optimizer(Configured, formula="change", first="params"):
    """Base class: holds the parameters, in groups that may have their own settings (``torch.optim.Optimizer``).

    Subclasses define ``change(self, g, state, ...settings with defaults)`` and nothing else: what to subtract from
    a parameter with gradient ``g``. The dictionary ``state`` is what that parameter keeps, with 'step' = t.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        Parameters; or groups, each a dict with the key 'params' and settings that replace the defaults.
    *args, **named
        Settings of groups that do not give their own.

    Attributes
    ----------
    param_groups : list of dict
        The groups with all their settings. Changing a setting here counts from the next step on.
    state : dict from Tensor to dict
        What is kept between the steps of a parameter, under PyTorch's names; made at its first step.

    Raises
    ------
    ValueError
        If there are no parameters, one is not a leaf or comes twice, or a setting is out of range.
    TypeError
        If a parameter is not a tensor, or a setting is not known or of the wrong type.
    """

    common = {"maximize": False, "decoupled_weight_decay": False}

    def __init__(self, params, *args, **named):
        name, module = type(self).__name__, hasattr(params, "parameters")
        refuse(module, TypeError, f"{name}: params is a module; pass its parameters(), as in model.parameters()")
        params = [params] if isinstance(params, Tensor) else list(params)
        refuse(not params, ValueError, f"{name}: params is empty; pass model.parameters()")
        self.defaults, self.param_groups, self.state = self.settings(params, *args, **named), [], {}
        for group in params if isinstance(params[0], dict) else [{"params": params}]:
            self.add_param_group(group)

    def add_param_group(self, param_group):
        """Train more parameters: a dict with the key 'params' and settings that replace the defaults."""
        name, known, new = type(self).__name__, self._parameters(), param_group["params"]
        new = [new] if isinstance(new, Tensor) else list(new)
        for i, p in enumerate(new, len(known)):
            refuse(not isinstance(p, Tensor), TypeError, f"{name}: parameter {i} is a {type(p).__name__}, not a tensor")
            refuse(not p.is_leaf, ValueError, f"{name}: parameter {i} was computed from others; only leaves train")
        refuse(len({*known, *new}) < len(known) + len(new), ValueError, f"{name}: a parameter appears twice")
        group = {**self.defaults, **param_group, "params": new}
        self.check(group)
        self.param_groups.append(group)

    def _parameters(self):
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of all parameters; or, with set_to_none=False, make them zero."""
        for p in self._parameters():
            p.grad = None if set_to_none or p.grad is None else Tensor(xp.zeros_like(p.grad.data))

    def step(self, closure=None):
        """Change every parameter that has a gradient.

        ``closure`` may compute the loss and its gradients anew; it is called first and its result returned.
        """
        loss = closure() if closure else None
        for p, group in [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]:  # noqa: B020
            g = -p.grad.data if group["maximize"] else p.grad.data
            decay = float(group.get("weight_decay", 0))
            if decay and group["decoupled_weight_decay"]:
                p.data *= 1 - group["lr"] * decay
            elif decay:
                g = g + decay * p.data
            state = self.state.setdefault(p, {})
            state["step"] = state.get("step", 0) + 1
            p.data -= self.change(g, state, **{key: group[key] for key in self.defaults if key not in self.common})
            p._version[0] += 1
        return loss

    def state_dict(self):
        """A copy of everything that changes: {'state': {number of the parameter: its state}, 'param_groups': ...}."""
        index = {p: i for i, p in enumerate(self._parameters())}
        groups = [{**group, "params": [index[p] for p in group["params"]]} for group in self.param_groups]
        return copy.deepcopy({"state": {index[p]: state for p, state in self.state.items()}, "param_groups": groups})

    def load_state_dict(self, state_dict):
        """Go on where a dictionary made by :meth:`state_dict` left off.

        Raises
        ------
        KeyError
            If it lacks settings of this optimizer, because another kind of object made it. Nothing is changed then.
        ValueError
            If the sizes of the groups or the shapes of the state differ. Nothing is changed then.
        """
        name, params, saved = f"{type(self).__name__}.load_state_dict", self._parameters(), copy.deepcopy(state_dict)
        missing = {"state", "param_groups"} - saved.keys()
        missing = missing or set(self.defaults) - set(self.common) - set.intersection(*map(set, saved["param_groups"]))
        refuse(missing, KeyError, f"{name}: missing {sorted(missing)}; this is the state of something else")
        sizes, own = ([len(group["params"]) for group in x] for x in (saved["param_groups"], self.param_groups))
        refuse(sizes != own, ValueError, f"{name}: groups of {sizes} parameters, expected {own}")
        for i, key, value in [(i, *item) for i, state in saved["state"].items() for item in state.items()]:
            shape = getattr(value, "shape", ())
            words = f"{key} of parameter {i} has shape {shape}, expected {params[i].shape}"
            refuse(shape not in ((), params[i].shape), ValueError, f"{name}: {words}")
        for group, new in zip(self.param_groups, saved["param_groups"]):
            group.update({**new, "params": group["params"]})
        self.state.clear()
        for i, state in saved["state"].items():  # arrays may have come from a file, to a GPU
            arrays = {key: xp.asarray(value) for key, value in state.items() if hasattr(value, "dtype")}
            self.state[params[i]] = {**state, **arrays}


def _mix(state, name, keep, add, *factors, start=0):
    """state[name] ← keep · state[name] + add · the product of the factors, in place; at first it is ``start``."""
    buffer = state[name] = state[name] if name in state else xp.full_like(factors[0], start)
    buffer *= keep
    buffer += math.prod(factors, start=add)
    return buffer


def _moments(g, state, betas):
    """Means of g and of g², m ← β1 m + (1 - β1) g and v ← β2 v + (1 - β2) g²; also 1 - β1^t and 1 - β2^t."""
    (beta1, beta2), t = betas, state["step"]
    m = _mix(state, "exp_avg", beta1, 1 - beta1, g)
    v = _mix(state, "exp_avg_sq", beta2, 1 - beta2, g, g)
    return m, v, 1 - beta1**t, 1 - beta2**t


class SGD(Optimizer):
    """Gradient descent: θ ← θ - lr · g, or with momentum b ← momentum · b + (1 - dampening) · g, θ ← θ - lr · b.

    With nesterov, θ ← θ - lr · (g + momentum · b). The first b is g.

    Parameters
    ----------
    params : iterable of Tensor
    lr, momentum, weight_decay : float, >= 0
    dampening : float
    nesterov : bool
        Needs momentum > 0 and dampening 0.

    Source: Robbins and Monro (1951); Sutskever et al. (2013) for both forms of momentum.
    """

    def change(self, g, state, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        if momentum:
            b = _mix(state, "momentum_buffer", momentum, 1 - dampening if "momentum_buffer" in state else 1, g)
            g = g + momentum * b if nesterov else b
        return lr * g


class Adagrad(Optimizer):
    """Steps scaled by the sum of all squared gradients: s ← s + g², θ ← θ - lr_t · g / (sqrt(s) + eps).

    lr_t = lr / (1 + (t - 1) · lr_decay).

    Parameters
    ----------
    params : iterable of Tensor
    lr, lr_decay, weight_decay, initial_accumulator_value, eps : float, >= 0
        The first s is initial_accumulator_value.

    Source: Duchi, Hazan and Singer (2011), the diagonal form.
    """

    def change(self, g, state, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
        total = _mix(state, "sum", 1, 1, g, g, start=initial_accumulator_value)
        return lr / (1 + (state["step"] - 1) * lr_decay) * g / (xp.sqrt(total) + eps)


class RMSprop(Optimizer):
    """Steps scaled by a running mean of squares: v ← alpha · v + (1 - alpha) · g², θ ← θ - lr · g / (sqrt(v) + eps).

    With centered, the square of a running mean of g is subtracted from v under the root, which leaves the
    variance. With momentum, the scaled gradient is accumulated as in SGD.

    Parameters
    ----------
    params : iterable of Tensor
    lr, eps, weight_decay, momentum : float, >= 0
    alpha : float in [0, 1]
    centered : bool

    Source: Tieleman and Hinton (2012), lecture 6.5; Graves (2013), equations 38 to 41, for centered.
    """

    def change(self, g, state, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False):
        v = _mix(state, "square_avg", alpha, 1 - alpha, g, g)
        if centered:  # rounding may make a variance of zero negative
            v = xp.maximum(v - _mix(state, "grad_avg", alpha, 1 - alpha, g) ** 2, 0)
        g = g / (xp.sqrt(v) + eps)
        return lr * (_mix(state, "momentum_buffer", momentum, 1, g) if momentum else g)


class Adadelta(Optimizer):
    """Steps as large as the recent steps: v ← rho · v + (1 - rho) · g², δ = sqrt(u + eps) / sqrt(v + eps) · g,
    u ← rho · u + (1 - rho) · δ², θ ← θ - lr · δ.

    Parameters
    ----------
    params : iterable of Tensor
    lr, eps, weight_decay : float, >= 0
    rho : float in [0, 1]

    Source: Zeiler (2012), algorithm 1.
    """

    def change(self, g, state, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0):
        v = _mix(state, "square_avg", rho, 1 - rho, g, g)
        delta = (state.get("acc_delta", 0) + eps) ** 0.5 / xp.sqrt(v + eps) * g
        _mix(state, "acc_delta", rho, 1 - rho, delta, delta)
        return lr * delta


class Rprop(Optimizer):
    """Steps of a size of their own, only the sign of the gradient counts.

    The size starts at lr. It is multiplied by etas[1] where g keeps its sign and by etas[0] where g turns, and
    kept within step_sizes. Where g turned there is no step, and no comparison next time.

    Parameters
    ----------
    params : iterable of Tensor
    lr : float, >= 0
    etas : (float, float), 0 < etas[0] < 1 < etas[1]
    step_sizes : (float, float), 0 < step_sizes[0] <= step_sizes[1]

    Source: Riedmiller and Braun (1993); without backtracking, Igel and Hüsken (2003), iRprop-.
    """

    def change(self, g, state, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
        turn = xp.sign(g) * xp.sign(state.get("prev", 0))
        factor = xp.where(turn < 0, etas[0], xp.where(turn > 0, etas[1], 1)).astype(g.dtype)
        state["step_size"] = xp.clip(state.get("step_size", float(lr)) * factor, *step_sizes)
        state["prev"] = xp.where(turn < 0, 0, g)
        return state["step_size"] * xp.sign(state["prev"])


class Adam(Optimizer):
    """Steps scaled by running means of the gradient, m, and of its square, v.

    m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²,
    θ ← θ - lr · (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + eps); with amsgrad, the largest v so far.

    Parameters
    ----------
    params : iterable of Tensor
    lr, eps, weight_decay : float, >= 0
    betas : (float, float), each in [0, 1)
    amsgrad : bool

    Source: Kingma and Ba (2015), algorithm 1; Reddi, Kale and Kumar (2018) for amsgrad.
    """

    def change(self, g, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False):
        m, v, correction1, correction2 = _moments(g, state, betas)
        if amsgrad:
            v = state["max_exp_avg_sq"] = xp.maximum(v, state.get("max_exp_avg_sq", 0))
        return lr / correction1 * m / (xp.sqrt(v / correction2) + eps)


class AdamW(Adam):
    """Adam whose weight decay is not scaled: θ ← (1 - lr · weight_decay) · θ before each step of Adam.

    Parameters
    ----------
    As of :class:`Adam`, but decoupled_weight_decay is on and weight_decay 0.01 by default.

    Source: Loshchilov and Hutter (2019), algorithm 2.
    """

    common = {"maximize": False, "decoupled_weight_decay": True}

    def change(self, g, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False):
        return super().change(g, state, lr, betas, eps, weight_decay, amsgrad)


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the step looks ahead to the next mean of the gradient.

    With m and v of Adam, μ_t = β1 · (1 - 0.96^(t · momentum_decay) / 2) and the product Π_t = μ_1 ⋯ μ_t,
    θ ← θ - lr · ((1 - μ_t) / (1 - Π_t) · g + μ_(t+1) / (1 - Π_(t+1)) · m) / (sqrt(v / (1 - β2^t)) + eps).

    Parameters
    ----------
    params : iterable of Tensor
    lr, eps, weight_decay, momentum_decay : float, >= 0
    betas : (float, float), each in [0, 1)

    Source: Dozat (2016), algorithm 2.
    """

    def change(self, g, state, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3):
        m, v, _, correction2 = _moments(g, state, betas)
        mu, following = (betas[0] * (1 - 0.96 ** ((state["step"] + i) * momentum_decay) / 2) for i in (0, 1))
        product = state["mu_product"] = state.get("mu_product", 1) * mu
        ahead = (1 - mu) / (1 - product) * g + following / (1 - product * following) * m
        return lr * ahead / (xp.sqrt(v / correction2) + eps)


class RAdam(Optimizer):
    """Adam that leaves out the scale v while too few gradients back it up, and rectifies its variance afterwards.

    With ρ∞ = 2 / (1 - β2) - 1 and ρ = ρ∞ - 2 t β2^t / (1 - β2^t): as long as ρ <= 5, θ ← θ - lr · m / (1 - β1^t).
    Then the step of Adam times sqrt((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ)).

    Parameters
    ----------
    params : iterable of Tensor
    lr, eps, weight_decay : float, >= 0
        eps is added to the root of the uncorrected v.
    betas : (float, float), each in [0, 1)

    Source: Liu et al. (2020), algorithm 2.
    """

    def change(self, g, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        m, v, correction1, correction2 = _moments(g, state, betas)
        limit = 2 / (1 - betas[1]) - 1
        length = limit - 2 * state["step"] * (1 - correction2) / correction2
        if length <= 5:
            return lr / correction1 * m
        rectification = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        return lr / correction1 * math.sqrt(rectification * correction2) * m / (xp.sqrt(v) + eps)


class Lookahead(Optimizer):
    """Slow weights that follow another optimizer's: after every k of its steps, φ ← φ + alpha · (θ - φ), θ ← φ.

    Steps are counted for each parameter, as t. Not in PyTorch. Groups, settings and state are those of the other
    optimizer, the slow weights φ are in the state as 'slow'.

    Parameters
    ----------
    optimizer : Optimizer
        Steps the fast weights. Leave it alone from now on.
    k : int, positive
    alpha : float in [0, 1]

    Source: Zhang et al. (2019), algorithm 1.
    """

    def __init__(self, optimizer, k=5, alpha=0.5):
        wrong = not isinstance(optimizer, Optimizer)
        refuse(wrong, TypeError, f"Lookahead: optimizer must be an Optimizer, got a {type(optimizer).__name__}")
        self.check({"k": k, "alpha": alpha})
        vars(self).update({**vars(optimizer), "optimizer": optimizer, "k": k, "alpha": alpha})

    def step(self, closure=None):
        """Let the optimizer step; where it was the k-th, move the slow weights and put them in place."""
        for p in self._parameters():
            if "slow" not in self.state.setdefault(p, {}):
                self.state[p]["slow"] = p.data.copy()
        loss = self.optimizer.step(closure)
        for p, state in self.state.items():
            if p.grad is not None and state["step"] % self.k == 0:
                state["slow"] += self.alpha * (p.data - state["slow"])
                p.data[...] = state["slow"]
        return loss
