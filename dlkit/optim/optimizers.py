"""Optimizers: each step changes the parameters in place, against their gradients.

In the formulas, g is the gradient of a parameter θ (plus weight_decay · θ) and t counts steps from 1.
"""

import numbers

from ..autograd import Tensor
from ..backend import xp


class Optimizer:
    """Base class: holds the parameters, in groups that may have their own settings (``torch.optim.Optimizer``).

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        Parameters; or groups, each a dict with the key 'params' and settings that replace the defaults.
    defaults : dict
        Settings of groups that do not give their own.
    """

    def __init__(self, params, defaults):
        if hasattr(params, "parameters"):
            raise TypeError(
                f"{type(self).__name__}: params is a module; pass its parameters(), as in model.parameters()"
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        groups = params if params and isinstance(params[0], dict) else [{"params": params}]
        self.param_groups = [{**defaults, **group} for group in groups]
        for group in self.param_groups:
            group["params"] = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        self.state = {}  # per parameter, made at its first step
        everything = [p for group in self.param_groups for p in group["params"]]
        if not everything:
            raise ValueError(f"{type(self).__name__}: params is empty; pass model.parameters()")
        for i, p in enumerate(everything):
            if not isinstance(p, Tensor):
                raise TypeError(f"{type(self).__name__}: parameter {i} is a {type(p).__name__}, not a tensor")
            if not p.is_leaf:
                raise ValueError(f"{type(self).__name__}: parameter {i} was computed from others; only leaves train")
        if len({id(p) for p in everything}) != len(everything):
            raise ValueError(f"{type(self).__name__}: a parameter appears twice")
        for group in self.param_groups:
            self.check(group)

    def check(self, group):
        """Raise ValueError if a setting of the group is out of range."""
        for name in ("lr", "eps", "weight_decay"):
            if name in group and not isinstance(group[name], numbers.Real):
                raise TypeError(f"{type(self).__name__}: {name} must be a number, got {group[name]!r}")
            if name in group and not group[name] >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must not be negative, got {group[name]}")

    def zero_grad(self):
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def step(self):
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    g = p.grad.data
                    if group["weight_decay"]:
                        g = g + group["weight_decay"] * p.data
                    p.data -= self.change(g, self.state.setdefault(p, {}), group)
                    p._version[0] += 1

    def change(self, g, state, group):
        """What to subtract from a parameter with gradient ``g``."""
        raise NotImplementedError(f"{type(self).__name__} does not define change")


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

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        defaults = dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov)
        super().__init__(params, defaults)

    def check(self, group):
        super().check(group)
        if not group["momentum"] >= 0:
            raise ValueError(f"SGD: momentum must not be negative, got {group['momentum']}")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum and no dampening")

    def change(self, g, state, group):
        if group["momentum"]:
            if "momentum" not in state:
                state["momentum"] = g.copy()
            else:
                state["momentum"] *= group["momentum"]
                state["momentum"] += (1 - group["dampening"]) * g
            g = g + group["momentum"] * state["momentum"] if group["nesterov"] else state["momentum"]
        return group["lr"] * g


class Adam(Optimizer):
    """Steps scaled by running means of the gradient, m, and of its square, v.

    m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²,
    θ ← θ - lr · (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + eps)

    Parameters
    ----------
    params : iterable of Tensor
    lr, eps, weight_decay : float, >= 0
    betas : (float, float), each in [0, 1)

    Source: Kingma and Ba (2015), algorithm 1.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    def check(self, group):
        super().check(group)
        for i, beta in enumerate(group["betas"]):
            if not 0 <= beta < 1:
                raise ValueError(f"Adam: betas[{i}] must lie in [0, 1), got {beta}")

    def change(self, g, state, group):
        if not state:
            state.update(step=0, m=xp.zeros_like(g), v=xp.zeros_like(g))
        beta1, beta2 = group["betas"]
        state["step"] += 1
        state["m"] *= beta1
        state["m"] += (1 - beta1) * g
        state["v"] *= beta2
        state["v"] += (1 - beta2) * g * g
        scale = xp.sqrt(state["v"] / (1 - beta2 ** state["step"]))
        scale += group["eps"]
        return group["lr"] / (1 - beta1 ** state["step"]) * state["m"] / scale
