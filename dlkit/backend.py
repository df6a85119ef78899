"""Which array library holds the numbers: NumPy, or CuPy on a GPU when ``DLKIT_DEVICE=cuda``."""

import ctypes
import os

import numpy
from numpy import errstate  # of NumPy in any case: CuPy never warns and has none

__all__ = ["DEVICES", "asnumpy", "check_device", "device", "errstate", "xp"]

DEVICES = ("cpu", "cuda")

device = os.environ.get("DLKIT_DEVICE", "cpu")
if device == "cpu":
    import numpy as xp
elif device == "cuda":
    try:
        import cupy as xp
    except ImportError as error:
        raise ImportError(
            "DLKIT_DEVICE=cuda needs CuPy and an NVIDIA GPU: install the extra 'gpu' (pip install 'dlkit[gpu]') "
            "or unset DLKIT_DEVICE to compute on the CPU"
        ) from error
else:
    raise ValueError(f"DLKIT_DEVICE is {device!r}; it must be 'cpu' or 'cuda'")

# A training step frees all that it allocates. By default glibc returns large pieces to the system, which hands them
# back page by page and zeroed in the next step: up to half of a convolution's time. Let it keep 256 MB.
_libc = ctypes.CDLL(None) if os.name == "posix" else None
if hasattr(_libc, "mallopt") and not {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & {*os.environ}:
    _libc.mallopt(-3, 32 * 2**20)  # M_MMAP_THRESHOLD: its largest value
    _libc.mallopt(-1, 256 * 2**20)  # M_TRIM_THRESHOLD


def asnumpy(array):
    """The numbers as a NumPy array; copied if they are on the GPU."""
    return array if isinstance(array, numpy.ndarray) else xp.asnumpy(array)


def check_device(wanted):
    """Raise RuntimeError unless this process computes on the device ``wanted``, 'cpu' or 'cuda'."""
    if wanted != device:
        raise RuntimeError(
            f"this process computes on {device!r}: set the environment variable DLKIT_DEVICE={wanted} before dlkit is "
            "imported (a GPU needs CuPy)"
        )
