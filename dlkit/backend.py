"""Which array library holds the numbers: NumPy, or CuPy on a GPU when ``DLKIT_DEVICE=cuda``."""

import os

__all__ = ["device", "xp"]

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
