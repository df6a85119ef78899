"""Saving to disk and loading back: numbers in .npz, no pickle, never a half-written file."""

import json
import os
import pathlib
import secrets

import numpy

from .autograd import Tensor
from .backend import asnumpy, xp

__all__ = ["load", "save"]

SAVED = "arrays, tensors, numbers, strings, booleans, None and dicts, lists, tuples of them, such as a state_dict()"


def save(obj, path):
    """Write ``obj`` to a file that :func:`load` turns back into an equal object.

    The file is an .npz archive: every array is a member of it, and the member 'structure' says in JSON how they hang
    together. It appears under its name only when it is complete: whatever goes wrong before, a file that was
    there stays as it was.

    Parameters
    ----------
    obj : dict, list, tuple, array, Tensor, number, str, bool or None
        Containers may be nested. Arrays and tensors hold real numbers or booleans. So a state_dict of a
        module, an optimizer or a scheduler fits, and a history of ``fit``. Types, dtypes and shapes are kept; a
        tensor comes back without a gradient, and a subclass of dict, list or tuple as a plain one.
    path : str or path
        Written as given: no suffix is added.

    Raises
    ------
    TypeError
        If something inside cannot be saved, with the way to it.
    FileNotFoundError
        If the folder does not exist.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"save: path must be a string or a path, got {type(path).__name__}; call save(obj, path)")
    arrays = []
    structure = json.dumps(_encode(obj, "obj", arrays)).encode()
    path = pathlib.Path(path).resolve()  # of a link, what it points to is replaced
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save: the folder {path.parent} does not exist")
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(partial, "wb") as file:
            numpy.savez(file, *arrays, structure=numpy.frombuffer(structure, numpy.uint8))
            file.flush()
            os.fsync(file.fileno())  # the content must reach the disk before its name does
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load(path):
    """The object that :func:`save` wrote, with new arrays (NumPy's, on a GPU too) and tensors.

    Nothing in the file is executed, so that files of strangers are safe to load.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or was not written by :func:`save`.
    """
    with open(path, "rb") as file:
        try:
            with numpy.load(file, allow_pickle=False) as members:
                return json.loads(members["structure"].tobytes(), object_hook=lambda code: _decode(code, members))
        except Exception as error:  # a damaged archive breaks NumPy, zipfile and json in a dozen ways
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"load: {path} is damaged or was not written by dlkit.save ({reason})") from None


def _encode(value, where, arrays):
    """What JSON can say about ``value``; its arrays go to ``arrays``, and JSON refers to them by position."""
    if (
        value is None
        or isinstance(value, str)
        or isinstance(value, int | float)
        and not isinstance(value, numpy.generic)
    ):
        return value
    if isinstance(value, dict):
        keys = [_encode(key, f"a key of {where}", arrays) for key in value]
        items = [_encode(item, f"{where}[{key!r}]", arrays) for key, item in value.items()]
        return {"dict": list(zip(keys, items))}
    if isinstance(value, list | tuple):
        items = [_encode(item, f"{where}[{i}]", arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    kind = "tensor" if isinstance(value, Tensor) else "scalar" if isinstance(value, numpy.generic) else "array"
    array = value.data if kind == "tensor" else value
    if isinstance(array, numpy.ndarray | numpy.generic | xp.ndarray) and array.dtype.kind in "biuf":
        arrays.append(array if kind == "scalar" else asnumpy(array))
        return {kind: len(arrays) - 1}
    what = type(value).__name__ + (f" of {value.dtype}" if isinstance(value, numpy.ndarray) else "")
    raise TypeError(f"save: {where} is a {what}; what can be saved are {SAVED}")


def _decode(code, members):
    """What an object in JSON stands for: :func:`_encode` the other way round, innermost first."""
    ((kind, content),) = code.items()
    if kind in ("dict", "tuple"):
        return {"dict": dict, "tuple": tuple}[kind](content)
    array = members[f"arr_{content}"]
    return Tensor(array) if kind == "tensor" else array if kind == "array" else array.dtype.type(array.item())
