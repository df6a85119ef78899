"""What the notebooks of the assignments import: tests that say what kind of mistake it looks like.

``given`` takes a function of the student, ``expect`` compares what it returns, ``trials`` draws the data of a test
(other data when the submission is graded), and ``personal`` those of one student.
"""

import functools
import hashlib
import os
import sys

import numpy as np

from dlkit.checks import to_numpy

__all__ = ["expect", "given", "personal", "trials"]


def trials(count=3):
    """Yield ``count`` random generators: the same ones at every run, until COURSEWORK_SEED is set, as graders do."""
    seed = int(os.environ.get("COURSEWORK_SEED", "0"))
    return (np.random.default_rng([seed, k]) for k in range(count))


def personal(student, what=""):
    """The random generator of one student: the same for the same student and purpose, another for all others.

    Raises
    ------
    AssertionError
        If the student has not filled in who they are.
    """
    if not isinstance(student, str) or not student.strip() or student.startswith("your "):
        raise AssertionError('who are you? Write your student number into the first cell: STUDENT = "..."')
    digest = hashlib.sha256(f"{student.strip().lower()}/{what}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def given(name, without=(), using=None):
    """What the student has defined under ``name`` in the notebook; a function is wrapped.

    The wrapped function gets copies of its arguments, and raises an AssertionError with a hint if it is still empty
    or if it changes an array that it was given.

    Parameters
    ----------
    name : str
    without : sequence of str
        Names that the function may not use: ``("dlkit", "torch", "nn", "F")`` where it is to be written by hand.
    using : dict, optional
        What stands for other functions of the notebook while this one runs, so that a mistake costs its points once.
    """
    missing = f"there is no `{name}`: run the cell that defines it; was the cell deleted, or the name changed?"
    value = sys._getframe(1).f_globals.get(name)
    if value is None:
        raise AssertionError(missing)
    if isinstance(value, type) or not callable(value):
        return value
    for used in without:
        if used in _names(value):
            raise AssertionError(f"`{name}` uses `{used}`: write this one yourself, with NumPy alone")

    @functools.wraps(value)
    def call(*args, **kwargs):
        used, names = _copied(args), value.__globals__
        own = {other: names[other] for other in using or {} if other in names}
        try:
            names.update(using or {})
            result = value(*used, **_copied(kwargs))
        except NotImplementedError:
            raise AssertionError(f"`{name}` is still empty: replace `raise NotImplementedError()`") from None
        finally:
            names.update(own)
        for k, (before, after) in enumerate(zip(_arrays(args), _arrays(used)), 1):
            if not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
                raise AssertionError(f"`{name}` changes the array number {k} that it is given: work on a copy")
        return result

    return call


def _names(function):
    """The global names and attributes that a function uses, and those of the functions inside it."""
    codes, names = [getattr(function, "__code__", None)], set()
    while codes:
        code = codes.pop()
        if code is not None:
            names.update(code.co_names)
            codes += [c for c in code.co_consts if hasattr(c, "co_names")]
    return names


def _copied(value):
    """The same with copies of all arrays."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return type(value)(map(_copied, value)) if type(value) in (list, tuple) else value


def _arrays(value):
    """All arrays in lists, tuples and dicts, in their order."""
    if isinstance(value, np.ndarray):
        return [value]
    items = value.values() if isinstance(value, dict) else value if type(value) in (list, tuple) else ()
    return [array for item in items for array in _arrays(item)]


def expect(what, actual, expected, rtol=1e-6, atol=1e-9, mistakes=None):
    """Compare numbers of any kind; if they differ, raise with a hint at the kind of mistake.

    Parameters
    ----------
    what : str
        What is compared, as the student would write it: ``"softmax(z)"``.
    actual, expected : Tensor, torch.Tensor, array, number, bool or sequence
    rtol, atol : float
        ``|actual - expected|`` may be ``atol + rtol * max |expected|``.
    mistakes : dict, optional
        Hint: the numbers that this mistake would give.

    Raises
    ------
    AssertionError
    """
    if actual is None:
        raise AssertionError(f"{what} is None: is there a `return`?")
    e = np.asarray(to_numpy(expected), dtype=float)
    try:
        a = np.asarray(to_numpy(actual), dtype=float)
    except (TypeError, ValueError):
        kind = type(actual).__name__
        raise AssertionError(f"{what} is of type {kind}, expected numbers of shape {e.shape}") from None

    def same(x, y):
        if x.shape != y.shape:
            return False
        tolerance = atol + rtol * np.max(np.abs(y), initial=0, where=np.isfinite(y))
        return bool(np.all((np.abs(x - y) <= tolerance) | (x == y)))

    with np.errstate(all="ignore"):
        if same(a, e):
            return
        for hint, wrong in (mistakes or {}).items():
            if same(a, np.asarray(to_numpy(wrong), dtype=float)):
                raise AssertionError(f"{what}: {hint}")
        raise AssertionError(f"{what} {_diagnosis(a, e, same)}")


def _diagnosis(a, e, same):
    """What kind of mistake it looks like, the most telling first."""
    if a.shape != e.shape:
        if a.size == e.size and same(a.reshape(e.shape), e):
            return f"has the right numbers in the wrong shape: {a.shape}, expected {e.shape}"
        if a.T.shape == e.shape and same(a.T, e):
            return f"is transposed: it has shape {a.shape}, expected {e.shape}"
        return f"has shape {a.shape}, expected {e.shape}: a wrong axis, or keepdims?"
    if not np.isfinite(a).all() and np.isfinite(e).all():
        found = "nan" if np.isnan(a).any() else "inf"
        return f"contains {found}: did something overflow, or a division by 0 or log(0) happen?"
    if same(a, -e):
        return "has the wrong sign, everywhere"
    if e.any() and (ratio := float((a * e).sum() / (e * e).sum())) and same(a / ratio, e):
        scale = f"{abs(ratio):.4g} times too large" if abs(ratio) > 1 else f"{1 / abs(ratio):.4g} times too small"
        sign = ", and has the wrong sign" if ratio < 0 else ""
        return f"is {scale}{sign}: a mean instead of a sum (or the other way round), or a factor too many or too few?"
    if a.ndim == 2 and a.shape[0] == a.shape[1] and same(a.T, e):
        return "is transposed"
    if a.size > 1 and same(a - (a - e).mean(), e):
        return f"is off by the same number everywhere: {(a - e).mean():.4g}"
    if a.size > 2 and same(np.sort(a, axis=None), np.sort(e, axis=None)):
        return "has the right numbers in the wrong places: an order, an axis or a reshape?"
    worst = np.unravel_index(np.nanargmax(np.abs(a - e)), a.shape)
    wrong = np.abs(a - e) > 1e-6 * np.abs(e).max()
    where = f"at {list(map(int, worst))}: " if a.ndim else ""
    count = f" ({wrong.sum()} of {a.size} numbers differ)" if a.size > 1 else ""
    return f"is wrong: {where}{a[worst]:.6g}, expected {e[worst]:.6g}{count}"
