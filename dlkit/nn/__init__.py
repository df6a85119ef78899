"""Layers, losses and the Module that holds their parameters (``torch.nn``)."""

# ruff: noqa: I001

from . import functional, init, utils
from .activations import (
    CELU, ELU, GELU, SELU, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, Mish, PReLU, ReLU,
    ReLU6, Sigmoid, SiLU, Softmax, Softplus, Softsign, Swish, Tanh,
)  # fmt: skip
from .attention import MultiheadAttention
from .image_layers import AdaptiveAvgPool2d, AvgPool2d, Conv1d, Conv2d, ConvTranspose2d, MaxPool2d, Upsample
from .layers import Dropout, Flatten, Identity, Linear
from .losses import (
    BarronLoss, BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, DiceLoss, FocalLoss, GaussianNLLLoss, HuberLoss,
    KLDivLoss, L1Loss, MSELoss, NLLLoss, PoissonNLLLoss, QuantileLoss, SmoothL1Loss, TukeyLoss,
)  # fmt: skip
from .module import Module, ModuleList, Parameter, Sequential
from .normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from .recurrent import Embedding, GRUCell, LSTMCell, RNNCell
from .summary import summary

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BarronLoss", "BatchNorm1d", "BatchNorm2d",
    "CELU", "Conv1d", "Conv2d", "ConvTranspose2d", "CrossEntropyLoss", "DiceLoss", "Dropout", "ELU", "Embedding",
    "Flatten", "FocalLoss", "GELU", "GRUCell", "GaussianNLLLoss", "Hardsigmoid", "Hardswish", "Hardtanh",
    "HuberLoss", "Identity", "KLDivLoss", "L1Loss", "LSTMCell", "LayerNorm", "LeakyReLU", "Linear", "LogSigmoid",
    "LogSoftmax", "MSELoss", "MaxPool2d", "Mish", "Module", "ModuleList", "MultiheadAttention", "NLLLoss", "PReLU",
    "Parameter", "PoissonNLLLoss", "QuantileLoss", "RNNCell", "ReLU", "ReLU6", "SELU", "Sequential", "SiLU",
    "Sigmoid", "SmoothL1Loss", "Softmax", "Softplus", "Softsign", "Swish", "Tanh", "TukeyLoss", "Upsample",
    "functional", "init", "utils", "summary",
]  # fmt: skip
