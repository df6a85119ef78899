"""Module: a function with parameters, possibly made of other modules."""

from ..autograd import Tensor
from ..backend import asnumpy, xp


class Parameter(Tensor):
    """A tensor that a Module lists among its parameters (``torch.nn.Parameter``).

    Parameters
    ----------
    data : Tensor or array
        The initial values. They are shared, not copied.
    requires_grad : bool
    """

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(data.data if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()


class Module:
    """Base class of layers and networks (``torch.nn.Module``).

    Assigning a Parameter or a Module to an attribute registers it. Subclasses define ``__init__`` (which
    starts with ``super().__init__()``) and ``forward``.
    """

    def __init__(self):
        super().__setattr__("_parameters", {})
        super().__setattr__("_buffers", {})
        super().__setattr__("_modules", {})
        super().__setattr__("training", True)

    def __setattr__(self, name, value):
        if "_modules" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name}")
        kinds = (self._parameters, self._buffers, self._modules)
        home = kinds[0] if isinstance(value, Parameter) else kinds[2] if isinstance(value, Module) else None
        if home is None and name in self._buffers and (value is None or isinstance(value, Tensor)):
            home = self._buffers
        for kind in kinds:
            if kind is not home:
                kind.pop(name, None)
        if home is None:
            super().__setattr__(name, value)
        else:
            self.__dict__.pop(name, None)
            home[name] = value

    def __getattr__(self, name):  # reached only when the normal look-up fails
        for kind in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(kind, ()):
                return self.__dict__[kind][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _set_lengths(self, **lengths):
        for name, value in lengths.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be a positive integer, got {value!r}")
            setattr(self, name, value)

    def register_buffer(self, name, tensor):
        """A tensor that belongs to the state but is not trained, such as a running mean; or None: not kept yet."""
        self._buffers[name] = tensor

    def forward(self, *args):
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    # --- walking the tree -----------------------------------------------------------------------------

    def named_modules(self, prefix=""):
        """Yield (dotted name, module), this one first."""
        yield prefix, self
        for name, module in self._modules.items():
            yield from module.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self):
        """Yield this module and all below it."""
        return (module for _, module in self.named_modules())

    def named_children(self):
        """Yield (name, module) for the modules directly below this one."""
        return iter(self._modules.items())

    def children(self):
        """Yield the modules directly below this one."""
        return iter(self._modules.values())

    def _named(self, *kinds):
        for prefix, module in self.named_modules():
            for kind in kinds:
                for name, tensor in getattr(module, kind).items():
                    if tensor is not None:
                        yield (f"{prefix}.{name}" if prefix else name), tensor

    def _once(self, kind):
        seen = set()
        for name, tensor in self._named(kind):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

    def named_parameters(self):
        """Yield (dotted name, parameter), each parameter once."""
        return self._once("_parameters")

    def named_buffers(self):
        """Yield (dotted name, buffer), each buffer once."""
        return self._once("_buffers")

    def buffers(self):
        """Yield the buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def parameters(self):
        """Yield the parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def apply(self, fn):
        """Call ``fn(module)`` on every module, the innermost first; return this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # --- state ------------------------------------------------------------------------------------------

    def train(self, mode=True):
        """Switch to training (or, with mode=False, evaluation) and return the module."""
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self):
        """Switch to evaluation and return the module."""
        return self.train(False)

    def zero_grad(self):
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def requires_grad_(self, requires_grad=True):
        """Train all parameters, or (False) none; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def to(self, target):
        """Convert floating-point parameters and buffers to a dtype, or see to a device; return the module.

        As :meth:`dlkit.Tensor.to`. Gradients are forgotten.
        """
        for _, tensor in self._named("_parameters", "_buffers"):
            if tensor.data.dtype.kind == "f":
                trained, tensor.requires_grad = tensor.requires_grad, False
                tensor.data, tensor.grad = tensor.to(target).data, None
                tensor.requires_grad = trained
        return self

    def float(self):
        """Convert to float32."""
        return self.to("float32")

    def double(self):
        """Convert to float64."""
        return self.to("float64")

    def state_dict(self):
        """A dictionary from dotted names to copies of the parameters and buffers, as arrays."""
        return {name: asnumpy(tensor.data.copy()) for name, tensor in self._named("_parameters", "_buffers")}

    def load_state_dict(self, state_dict):
        """Copy values from a dictionary made by :meth:`state_dict`.

        As in PyTorch, values are cast to the dtypes of this module: float64 to float32, integers to floats.

        Raises
        ------
        KeyError
            If names are missing or unexpected. Nothing is changed then.
        ValueError
            If shapes differ, or dtypes by more than a cast that keeps the kind of number (floats where integers are
            expected), with all names and what was expected. Nothing is changed then.
        """
        own = dict(self._named("_parameters", "_buffers"))
        missing, unexpected = own.keys() - state_dict.keys(), state_dict.keys() - own.keys()
        if missing or unexpected:
            raise KeyError(f"load_state_dict: missing {sorted(missing)}, unexpected {sorted(unexpected)}")
        arrays = {name: xp.asarray(getattr(value, "data", value) if isinstance(value, Tensor) else value)
                  for name, value in state_dict.items()}  # fmt: skip
        wrong = []
        for name, tensor in own.items():
            if arrays[name].shape != tensor.shape:
                wrong.append(f"{name} has shape {arrays[name].shape}, expected {tensor.shape}")
            elif not xp.can_cast(arrays[name].dtype, tensor.data.dtype, "same_kind"):
                wrong.append(f"{name} is {arrays[name].dtype}, expected {tensor.data.dtype}")
        if wrong:
            raise ValueError("load_state_dict: " + "; ".join(wrong))
        for name, tensor in own.items():
            tensor.data[...] = arrays[name]
            tensor._version[0] += 1

    # --- reading ------------------------------------------------------------------------------------------

    def extra_repr(self):
        """The arguments that a layer shows in its repr."""
        return ""

    def __repr__(self):
        if not self._modules:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = (f"  ({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items())
        return f"{type(self).__name__}(\n" + "\n".join(lines) + "\n)"


class ModuleList(Module):
    """A list of modules, all registered (``torch.nn.ModuleList``)."""

    def __init__(self, modules=()):
        super().__init__()
        for module in modules:
            self.append(module)

    def append(self, module):
        """Add a module at the end; return the list."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: item {len(self)} is a {type(module).__name__}, not a Module")
        setattr(self, str(len(self)), module)
        return self

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, index):
        items = list(self._modules.values())[index]
        return type(self)(*items) if isinstance(index, slice) and isinstance(self, Sequential) else items


class Sequential(ModuleList):
    """Modules applied one after another (``torch.nn.Sequential``)."""

    def __init__(self, *modules):
        super().__init__(modules)

    def forward(self, input):
        for module in self:
            input = module(input)
        return input
