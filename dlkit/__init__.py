"""dlkit: a small deep-learning library in NumPy, with PyTorch's names and meanings.

``import dlkit`` where you would ``import torch``: tensors that differentiate themselves, ``dlkit.nn``,
``dlkit.nn.functional``, ``dlkit.optim`` and ``dlkit.data``.
"""

import os

# Between two matrix products OpenBLAS's threads wait busily, by default for 2^26 cycles, and slow down what NumPy does
# meanwhile: a convolution takes up to twice as long. Let them sleep at once. It is read when NumPy is first imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

from . import autograd, methods  # the second gives Tensor its methods and operators
from .autograd import Tensor, grad, is_grad_enabled, no_grad
from .creation import *  # noqa: F403
from .ops import *  # noqa: F403
from .shape_ops import *  # noqa: F403

from . import data, nn, optim  # isort: skip
from .checks import check, check_close, gradcheck
from .serialization import load, save
from .training import evaluate, fit

__version__ = "0.1.0"
