"""Claims that are checked where they are made.

``check`` and ``check_close`` print a claim when it holds and raise with the claim as the message when it
does not. ``gradcheck`` compares the gradients of a function with central differences.
"""

import numpy as np

__all__ = ["GradcheckError", "check", "check_close", "gradcheck"]


class GradcheckError(RuntimeError):
    """A gradient differs from its finite-difference estimate."""


def to_numpy(value):
    """The numbers in ``value`` (a Tensor of dlkit or PyTorch, an array, a number or a sequence) as an array."""
    if isinstance(value, (list, tuple)):
        return np.array([to_numpy(item) for item in value])
    if hasattr(value, "detach"):
        value = value.detach()
        value = value.cpu() if hasattr(value, "cpu") else value
        value = value.numpy()
    return np.asarray(value)


def check(claim, condition):
    """Print ``claim`` with a tick if ``condition`` is true; otherwise raise it.

    Parameters
    ----------
    claim : str
        A statement a reader can understand on its own.
    condition : bool
        A single truth value. Reduce arrays with ``.all()`` or ``.any()`` first.

    Raises
    ------
    AssertionError
        With the claim as message, if the condition is false.
    TypeError
        If the claim is not a string, or the condition is not a single boolean.
    """
    if not isinstance(claim, str):
        raise TypeError(f"check: claim must be a string that states what holds, got {type(claim).__name__}")
    truth = to_numpy(condition)
    if truth.dtype != bool or truth.size != 1:
        raise TypeError(
            f"check: condition must be a single boolean, got {truth.dtype} of shape {truth.shape}; "
            "compare, then reduce with .all() or .any()"
        )
    if not truth.item():
        raise AssertionError(f"does not hold: {claim}")
    print(f"✓ {claim}")


def check_close(claim, actual, expected, rtol=0.0, atol=1e-10):
    """Check that two sets of numbers agree, and print ``claim`` with a tick.

    Holds when ``|actual - expected| <= atol + rtol * |expected|`` for every element.

    Parameters
    ----------
    claim : str
        A statement a reader can understand on its own.
    actual, expected : Tensor, torch.Tensor, array, number or sequence
        Must have the same shape, or ``expected`` may be a single number.
    rtol, atol : float, >= 0
        Relative and absolute tolerance.

    Raises
    ------
    AssertionError
        With the claim, the worst position, both values there and the tolerance.
    ValueError
        If the shapes differ.
    """
    # booleans and unsigned integers cannot be subtracted
    actual, expected = (a.astype(int) if a.dtype.kind in "bu" else a for a in map(to_numpy, (actual, expected)))
    if actual.shape != expected.shape and expected.ndim:
        raise ValueError(f"check_close: actual has shape {actual.shape} but expected has shape {expected.shape}")
    expected = np.broadcast_to(expected, actual.shape)
    with np.errstate(invalid="ignore"):
        excess = np.abs(actual - expected) - (atol + rtol * np.abs(expected))
    excess = np.where(actual == expected, -1.0, excess)  # equal infinities agree
    if not np.all(excess <= 0):  # written so that NaN fails
        worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), actual.shape)
        place = f" at index {tuple(int(i) for i in worst)}" if actual.ndim else ""
        raise AssertionError(
            f"does not hold: {claim} (got {actual[worst]}, expected {expected[worst]}{place}; "
            f"tolerance rtol={rtol:g}, atol={atol:g})"
        )
    check(claim, True)


def gradcheck(func, inputs, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True):
    """Compare the gradients of ``func`` with central differences, entry by entry.

    As in PyTorch, every output element is differentiated with respect to every input element that
    requires a gradient. Use float64: in float32 the differences themselves are mostly rounding error.

    Parameters
    ----------
    func : callable
        Takes the inputs, returns one Tensor.
    inputs : Tensor or sequence of Tensor
    eps : float, > 0
        Step of the central difference.
    atol, rtol : float, >= 0
        Agreement means ``|analytic - numeric| <= atol + rtol * |numeric|``.
    raise_exception : bool
        If False, return False instead of raising.

    Returns
    -------
    bool
        True if all entries agree.

    Raises
    ------
    GradcheckError
        Naming the input, the entry, and both values.
    ValueError
        If no input requires a gradient, or one that does is not float64.
    """
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    wanted = [i for i, tensor in enumerate(inputs) if getattr(tensor, "requires_grad", False)]
    if not wanted:
        raise ValueError("gradcheck: no input requires a gradient; create one with requires_grad=True")
    for i in wanted:
        if not inputs[i].is_leaf:
            raise ValueError(f"gradcheck: input {i} was computed from other tensors; pass .detach().requires_grad_()")
        if inputs[i].data.dtype != np.float64:
            raise ValueError(f"gradcheck: input {i} is {inputs[i].data.dtype}; finite differences need float64")

    n_out = func(*inputs).data.size
    for i in wanted:
        leaf = inputs[i]
        numeric = np.empty((n_out, leaf.data.size))
        for j, index in enumerate(np.ndindex(leaf.data.shape)):
            original = leaf.data[index]
            try:
                leaf.data[index] = original + eps
                above = np.array(func(*inputs).data, dtype=np.float64)
                leaf.data[index] = original - eps
                below = np.array(func(*inputs).data, dtype=np.float64)
            finally:
                leaf.data[index] = original
            numeric[:, j] = (above - below).ravel() / (2 * eps)
        analytic = np.empty_like(numeric)
        saved = [inputs[k].grad for k in wanted]
        for row in range(n_out):
            for k in wanted:
                inputs[k].grad = None
            output = func(*inputs)
            seed = np.zeros(output.data.shape)
            seed[np.unravel_index(row, output.data.shape)] = 1.0
            output.backward(type(output)(seed))
            analytic[row] = 0.0 if leaf.grad is None else leaf.grad.data.ravel()
        for k, grad in zip(wanted, saved, strict=True):
            inputs[k].grad = grad
        wrong = ~(np.abs(analytic - numeric) <= atol + rtol * np.abs(numeric))
        if wrong.any():
            if not raise_exception:
                return False
            row, column = (int(k) for k in np.argwhere(wrong)[0])
            at = tuple(int(k) for k in np.unravel_index(column, leaf.data.shape))
            raise GradcheckError(
                f"gradcheck: derivative of output element {row} with respect to input {i} at index {at} is "
                f"{analytic[row, column]:.8g}, but central differences give {numeric[row, column]:.8g} "
                f"({int(wrong.sum())} of {wrong.size} entries differ)"
            )
    return True
