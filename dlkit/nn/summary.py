"""A table of a network: what each layer puts out, how many parameters it has, how much of the input it sees."""

import collections
import copy

from .. import creation
from ..autograd import Tensor, no_grad
from ..convolution import _pair, receptive_field
from . import activations
from .image_layers import Conv2d, ConvTranspose2d, MaxPool2d
from .layers import Dropout, Identity
from .module import Module
from .normalization import BatchNorm1d


class Row(collections.namedtuple("Row", "name type output_shape parameters trainable receptive_field")):
    """One module: dotted name, type, and the shape of its output (a list for several, None if it was not called);
    how many parameters it has itself, each counted once, and trains; its receptive field (height, width), or None.
    """


class Summary:
    """What :func:`summary` found: ``rows`` (a list of :class:`Row`), ``parameters`` and ``trainable``, the totals."""

    def __init__(self, rows):
        self.rows = rows
        self.parameters, self.trainable = sum(row.parameters for row in rows), sum(row.trainable for row in rows)

    def __repr__(self):
        lines = [("layer", "type", "output shape", "parameters", "trainable", "receptive field")]
        for name, kind, shape, *numbers, field in self.rows:
            name = "  " * (name.count(".") + 1) + name if name else "(model)"
            shown = (f"{n:,}" if numbers[0] else "-" for n in numbers)
            lines.append((name, kind, str(shape or "-"), *shown, "×".join(map(str, field or "-"))))
        widths = [max(map(len, column)) for column in zip(*lines)]
        align = "<<<>>>"
        lines = ["  ".join(f"{cell:{a}{n}}" for cell, a, n in zip(line, align, widths)) for line in lines]
        foot = f"{self.parameters:,} parameters, {self.trainable:,} of them trainable"
        return "\n".join([*lines[:1], "-" * len(lines[0]), *lines[1:], "-" * len(lines[0]), foot])


def _windows(module):
    """[(kernel_size, stride, padding, dilation) along each dimension], [] if it works on single pixels, else None."""
    if isinstance(module, Conv2d | MaxPool2d) and not isinstance(module, ConvTranspose2d):
        parts = ((name, getattr(module, name, 1)) for name in ("kernel_size", "stride", "dilation"))
        kernel, stride, dilation = (_pair("summary", *part, getattr(module, "dims", 2)) for part in parts)
        return [list(zip(kernel, stride, (0, 0), dilation))]
    of_elements = type(module).__module__ == activations.__name__ and not hasattr(module, "dim")
    return [] if of_elements or isinstance(module, BatchNorm1d | Dropout | Identity) else None


def _shape(output):
    return [_shape(part) for part in output] if isinstance(output, tuple) else getattr(output, "shape", None)


def summary(model, input_size=None, input_data=None):
    """Run a model once and list its modules, in the order and with the names of ``named_modules``.

    Receptive fields are followed through unbroken chains of convolutions, poolings and modules of single pixels,
    such as activations; anything else, an addition of two branches for example, ends the chain.

    Parameters
    ----------
    model : Module
        Runs in evaluation mode; its modes and buffers and the random state are left as they were.
    input_size : tuple of int, or sequence of such tuples
        Shape of the input, batch included, or of several inputs; they are filled with ones.
    input_data : Tensor or sequence of Tensor
        The input itself, where numbers matter, such as the integers of an Embedding.

    Returns
    -------
    Summary
        Reads as a table; ``.rows`` are its lines.

    Raises
    ------
    ValueError
        If not exactly one of input_size and input_data is given.
    """
    if (input_size is None) == (input_data is None):
        raise ValueError("summary: give either input_size or input_data")
    if input_data is None:
        sizes = input_size if isinstance(input_size[0], tuple | list) else [input_size]
        input_data = [creation.ones(size, dtype=next((p.dtype for p in model.parameters()), None)) for size in sizes]
    inputs = [input_data] if isinstance(input_data, Tensor) else list(input_data)
    found = {}  # for each module, by identity: shape and receptive field when it was first called
    chains = {id(x): (x, []) for x in inputs}  # what leads to a tensor, which is kept so that its identity lasts
    before = [(module, module.training, module._buffers) for module in model.modules()]
    plain_call, generator = Module.__call__, creation._rng

    def call(module, *args, **kwargs):
        output, windows = plain_call(module, *args, **kwargs), _windows(module)
        chain = chains.get(id(args[0]) if args else None, (None, None))[1]
        if windows is not None and chain is not None:
            chains[id(output)] = output, chain + windows
        chain = chains.get(id(output), (None, None))[1]
        field = tuple(receptive_field(axis)[0] for axis in zip(*chain)) if chain else None
        found.setdefault(id(module), (_shape(output), field))
        return output

    try:
        Module.__call__, creation._rng = call, copy.deepcopy(generator)
        for module, _, buffers in before:
            module.training = False
            module._buffers = {name: b if b is None else Tensor(b.data.copy()) for name, b in buffers.items()}
        with no_grad():
            model(*inputs)
    finally:
        Module.__call__, creation._rng = plain_call, generator
        for module, training, buffers in before:
            module.training, module._buffers = training, buffers
    rows, counted = [], set()
    for name, module in model.named_modules():
        own = {id(p): p for p in module._parameters.values() if p is not None and id(p) not in counted}
        counted |= own.keys()
        numbers = (sum(p.numel() for p in own.values() if p.requires_grad or all_) for all_ in (True, False))
        shape, field = found.get(id(module), (None, None))
        rows.append(Row(name, type(module).__name__, shape, *numbers, field))
    return Summary(rows)
