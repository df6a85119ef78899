"""What happens when something is done wrong: the message, word for word, raised by the call that is wrong."""

import numpy as np
import pytest

import dlkit
from dlkit import data, nn, optim
from dlkit.training import evaluate, fit

ones = dlkit.ones


def tracked(*shape):
    return dlkit.ones(*shape, requires_grad=True)


def assign(x, value=1.0):
    x[0] = value


def add_in_place(x, y):
    x += y


def backward_twice(y):
    y.backward()
    y.backward()


def changed_in_between(x):
    y = (x * x).sum()
    with dlkit.no_grad():
        x += 1
    y.backward()


class Half(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(1, 1)


NAMES = {
    **{"np": np, "dlkit": dlkit, "data": data, "nn": nn, "optim": optim, "F": nn.functional, "ones": ones},
    **{f.__name__: f for f in (evaluate, fit, tracked, assign, add_in_place, backward_twice, changed_in_between, Half)},
    "parameter": tracked(1),
}

# (expression, kind of error, its message; "..." at the end stands for words of NumPy)
MISTAKES = [
    (
        "ones(2, 3) + ones(2)",
        ValueError,
        "add: shapes (2, 3) and (2,) do not broadcast; aligned from the right, each pair of lengths must be "
        "equal or contain a 1",
    ),
    (
        "ones(2, 3) * np.ones((3, 2))",
        ValueError,
        "mul: shapes (2, 3) and (3, 2) do not broadcast; aligned from the right, each pair of lengths must "
        "be equal or contain a 1",
    ),
    ('ones(2) + "1"', TypeError, "add: cannot compute with str; expected a tensor, an array or a number"),
    (
        "ones(2) > ones(3)",
        ValueError,
        "gt: shapes (2,) and (3,) do not broadcast; aligned from the right, each pair of lengths must be "
        "equal or contain a 1",
    ),
    ("dlkit.where(ones(2), 1.0, 0.0)", TypeError, "where: condition must be boolean, got float32"),
    (
        "dlkit.where(ones(2) > 0, ones(3), 0.0)",
        ValueError,
        "where: condition, input and other of shapes (2,), (3,) and () do not broadcast",
    ),
    (
        "dlkit.where(ones(3) > 0, ones(2), 0.0)",
        ValueError,
        "where: condition, input and other of shapes (3,), (2,) and () do not broadcast",
    ),
    (
        "dlkit.where(ones(3) > 0, ones(2), ones(2))",
        ValueError,
        "where: condition, input and other of shapes (3,), (2,) and (2,) do not broadcast",
    ),
    (
        "ones(2, 3) @ ones(2, 3)",
        ValueError,
        "matmul: cannot multiply shapes (2, 3) and (2, 3); the last length of the first must equal the "
        "next-to-last (or only) length of the second",
    ),
    (
        "ones(2) @ dlkit.tensor(2.0)",
        ValueError,
        "matmul: cannot multiply shapes (2,) and (); the last length of the first must equal the "
        "next-to-last (or only) length of the second",
    ),
    (
        "ones(2, 2, 3) @ ones(4, 3, 2)",
        ValueError,
        "matmul: the stacks of shapes (2, 2, 3) and (4, 3, 2) do not broadcast",
    ),
    (
        "ones(2, 3) @ ones(3, dtype=dlkit.float64)",
        TypeError,
        "matmul: dtypes differ, float32 and float64; convert one with .to(dtype)",
    ),
    ("dlkit.outer(ones(2, 2), ones(2))", ValueError, "outer: expected two vectors, got shapes (2, 2) and (2,)"),
    ("dlkit.clamp(ones(2))", ValueError, "clamp: give min, max or both"),
    ("~ones(2)", TypeError, "~ inverts boolean tensors, this one is float32"),
    ("ones(2, 3).sum(2)", IndexError, "sum: dim 2 is out of range for a tensor of shape (2, 3)"),
    ("ones(2, 3).sum((0, 0))", ValueError, "sum: dim (0, 0) names a dimension twice"),
    ("ones(0).max()", ValueError, "max: a tensor of shape (0,) has no elements to choose from"),
    ("ones(0, 3).argmax(0)", ValueError, "argmax: a tensor of shape (0, 3) has no elements to choose from"),
    ("ones(2, 0).max(1)", ValueError, "max: a tensor of shape (2, 0) has no elements to choose from"),
    ("F.softmax(ones(2, 3), dim=2)", IndexError, "softmax: dim 2 is out of range for a tensor of shape (2, 3)"),
    ("ones(2, 3).norm(p=3)", ValueError, "norm: p must be 1 or 2, got 3"),
    ("ones(2, 3).reshape(4, 2)", ValueError, "reshape: 6 elements of shape (2, 3) do not fit into shape (4, 2)"),
    ("ones(2, 3).reshape(2.0, 3)", TypeError, "reshape: lengths and dimensions must be integers, got (2.0, 3)"),
    ("ones(2, 3).reshape(-1, -1)", ValueError, "reshape: 6 elements of shape (2, 3) do not fit into shape (-1, -1)"),
    ("ones(2, 3).flatten(1, 0)", ValueError, "flatten: start_dim 1 comes after end_dim 0"),
    ("ones(2, 3).unsqueeze(3)", IndexError, "unsqueeze: dim 3 is out of range for a tensor of shape (2, 3)"),
    ("ones(2, 3).permute(0)", ValueError, "permute: (0,) does not name each of the 2 dimensions of shape (2, 3)"),
    ("ones(2, 3).permute(0, 0)", ValueError, "permute: dim (0, 0) names a dimension twice"),
    ("ones(2, 3).expand(2, 4)", ValueError, "expand: a tensor of shape (2, 3) cannot be expanded to (2, 4)"),
    ("ones(2, 3).expand(3)", ValueError, "expand: a tensor of shape (2, 3) cannot be expanded to (3,)"),
    ("ones(2, 3).transpose(0, 2)", IndexError, "transpose: dim 2 is out of range for a tensor of shape (2, 3)"),
    ("ones(2, 3)[2]", IndexError, "index does not fit a tensor of shape (2, 3): ..."),
    ("ones(2, 3)[0, 0, 0]", IndexError, "index does not fit a tensor of shape (2, 3): ..."),
    ("ones(2, 3)[ones(2)]", IndexError, "index does not fit a tensor of shape (2, 3): ..."),
    ("ones(2, 3)[dlkit.tensor([True, False, True])]", IndexError, "index does not fit a tensor of shape (2, 3): ..."),
    ("dlkit.cat([])", ValueError, "cat: expected at least one tensor"),
    (
        "dlkit.cat([ones(2, 3), ones(2, 2)])",
        ValueError,
        "cat: tensor 1 has shape (2, 2), which does not fit (2, 3) except along dim 0",
    ),
    ("dlkit.stack([ones(2), ones(3)])", ValueError, "stack: tensor 1 has shape (3,), the first has (2,)"),
    ("dlkit.stack([])", ValueError, "stack: expected at least one tensor"),
    ("ones(4).split(0)", ValueError, "split: the length of a piece must be positive, got 0"),
    ("ones(4).split([1, 2])", ValueError, "split: lengths [1, 2] add up to 3, but dim 0 has 4"),
    (
        "dlkit.tensor([[1.0, 2.0], [3.0]])",
        ValueError,
        "tensor: the rows of data differ in length or shape, so they do not form an array",
    ),
    ('dlkit.tensor(["a"])', TypeError, "tensor: the elements must be real numbers, got <U1"),
    ("dlkit.tensor(None)", TypeError, "tensor: the elements must be real numbers, got object"),
    (
        "dlkit.tensor([1, 2], requires_grad=True)",
        RuntimeError,
        "requires_grad needs a floating-point tensor, this one is int64",
    ),
    ("dlkit.from_numpy([1.0])", TypeError, "from_numpy: expected an array, got list"),
    (
        "dlkit.set_default_dtype(int)",
        TypeError,
        "set_default_dtype: dtype must be dlkit.float32 or dlkit.float64, got <class 'int'>",
    ),
    ("bool(ones(2))", ValueError, "the truth value of a tensor of shape (2,) is ambiguous; reduce it first"),
    ("float(ones(2))", ValueError, "item: only a tensor with one element is a number, this one has shape (2,)"),
    ("ones(2).item()", ValueError, "item: only a tensor with one element is a number, this one has shape (2,)"),
    ("len(dlkit.tensor(1.0))", TypeError, "len() of a 0-dimensional tensor"),
    ("list(dlkit.tensor(1.0))", TypeError, "a 0-dimensional tensor cannot be iterated over"),
    ("[1, 2][ones(1)]", TypeError, "only an integer tensor can be an index, this one is float32"),
    ("tracked(2).numpy()", RuntimeError, "numpy: this tensor requires a gradient; call .detach().numpy()"),
    ("np.asarray(tracked(2))", RuntimeError, "numpy: this tensor requires a gradient; call .detach().numpy()"),
    (
        "(tracked(2) * 2).requires_grad_(False)",
        RuntimeError,
        "requires_grad can only be set on a leaf; use .detach() to leave the graph",
    ),
    (
        "ones(2).sum().backward()",
        RuntimeError,
        "backward: this tensor does not require a gradient; nothing it was computed from has "
        "requires_grad=True, or it was computed under no_grad()",
    ),
    (
        "tracked(2).backward()",
        RuntimeError,
        "backward: the tensor has shape (2,); without the argument gradient, only a single number can be "
        "differentiated. Reduce it (for example .sum()) or pass a gradient of that shape",
    ),
    ("(tracked(2) * 2).backward(ones(3))", RuntimeError, "backward: gradient has shape (3,), expected (2,)"),
    (
        "backward_twice(tracked(2).sum())",
        RuntimeError,
        "backward: the graph of 'sum' was freed by an earlier backward; pass retain_graph=True to the first "
        "one to go through it twice",
    ),
    (
        "dlkit.grad(tracked(1).sum(), tracked(1))",
        RuntimeError,
        "grad: outputs do not depend on input 0 (or it does not require a gradient); pass allow_unused=True "
        "to get None for it",
    ),
    (
        "assign(tracked(2))",
        RuntimeError,
        "assigning to elements is not recorded, so its gradient would be lost; build the tensor with where, "
        "cat or stack, or assign under dlkit.no_grad()",
    ),
    (
        "assign(tracked(2) * 2)",
        RuntimeError,
        "assigning to elements is not recorded, so its gradient would be lost; build the tensor with where, "
        "cat or stack, or assign under dlkit.no_grad()",
    ),
    ("ones(2).copy_(ones(3))", ValueError, "copy_: source has shape (3,), which does not fit (2,)"),
    (
        "add_in_place(tracked(2), 1)",
        RuntimeError,
        "add_: a leaf that requires a gradient cannot be changed in place while operations are recorded; do "
        "it under dlkit.no_grad()",
    ),
    (
        "add_in_place(ones(2), ones(3))",
        ValueError,
        "add: shapes (2,) and (3,) do not broadcast; aligned from the right, each pair of lengths must be "
        "equal or contain a 1",
    ),
    (
        "add_in_place(ones(2), ones(2, 2))",
        RuntimeError,
        "add_: the result has shape (2, 2), which does not fit in (2,)",
    ),
    (
        "add_in_place(dlkit.tensor([1, 2]), 0.5)",
        RuntimeError,
        "add_: the result is float32, which does not fit in int64",
    ),
    ("ones(2).retain_grad()", RuntimeError, "retain_grad: this tensor does not require a gradient"),
    ("nn.Linear(3, 2)(ones(4, 5))", ValueError, "linear: input has shape (4, 5), expected its last length to be 3"),
    ("nn.Linear(3, 2)(dlkit.tensor(1.0))", ValueError, "linear: input has shape (), expected its last length to be 3"),
    (
        "nn.Linear(3, 2)(ones(4, 3, dtype=dlkit.float64))",
        TypeError,
        "linear: dtypes differ, input float64 and weight float32",
    ),
    (
        "F.linear(ones(4, 3), ones(2, 3), ones(3))",
        ValueError,
        "linear: bias has shape (3,), expected (2,)",
    ),
    (
        "F.linear(ones(4, 3), ones(2, 3), ones(2, dtype=dlkit.float64))",
        TypeError,
        "linear: dtypes differ, input float32 and bias float64",
    ),
    ("nn.Linear(0, 2)", ValueError, "Linear: in_features must be a positive integer, got 0"),
    ("nn.Linear(3.0, 2)", ValueError, "Linear: in_features must be a positive integer, got 3.0"),
    ("nn.Dropout(1.5)", ValueError, "Dropout: p must be a probability between 0 and 1, got 1.5"),
    ("F.dropout(ones(2), -0.1)", ValueError, "dropout: p must be a probability between 0 and 1, got -0.1"),
    ("F.one_hot(ones(2))", TypeError, "one_hot: expected integer classes, got float32"),
    ("F.one_hot(dlkit.tensor([0, 3]), 3)", ValueError, "one_hot: classes must lie in 0..2, found 0..3"),
    ("F.one_hot(dlkit.tensor([-1, 3]))", ValueError, "one_hot: classes must lie in 0..3, found -1..3"),
    ("F.mse_loss(ones(4, 1), ones(4))", ValueError, "mse_loss: input has shape (4, 1) but target has shape (4,)"),
    (
        "F.binary_cross_entropy(ones(4, 1), ones(4))",
        ValueError,
        "binary_cross_entropy: input has shape (4, 1) but target has shape (4,)",
    ),
    (
        "F.binary_cross_entropy(2 * ones(2), ones(2))",
        ValueError,
        "binary_cross_entropy: input must lie in [0, 1], found 2 to 2",
    ),
    (
        "F.binary_cross_entropy_with_logits(ones(2), ones(3))",
        ValueError,
        "binary_cross_entropy_with_logits: input has shape (2,) but target has shape (3,)",
    ),
    (
        "F.cross_entropy(ones(4, 3), dlkit.tensor([0, 1]))",
        ValueError,
        "cross_entropy: expected input (N, C, ...) and target (N, ...), got (4, 3) and (2,)",
    ),
    (
        "F.cross_entropy(ones(2, 3), dlkit.tensor([0, 3]))",
        ValueError,
        "cross_entropy: target must lie in 0..2, found 0..3",
    ),
    (
        "F.cross_entropy(ones(2, 3), dlkit.tensor([0, -1]))",
        ValueError,
        "cross_entropy: target must lie in 0..2, found -1..0",
    ),
    ("F.cross_entropy(ones(2, 3), ones(2))", TypeError, "cross_entropy: target must hold integer classes, got float32"),
    (
        'F.cross_entropy(ones(2, 3), dlkit.tensor([0, 1]), reduction="avg")',
        ValueError,
        "cross_entropy: reduction must be one of ['mean', 'sum', 'none'], got 'avg'",
    ),
    (
        "F.nll_loss(ones(2, 3, 4), dlkit.tensor([0, 1]))",
        ValueError,
        "nll_loss: expected input (N, C, ...) and target (N, ...), got (2, 3, 4) and (2,)",
    ),
    (
        'nn.CrossEntropyLoss(reduction="avg")',
        ValueError,
        "CrossEntropyLoss: reduction must be one of ['mean', 'sum', 'none'], got 'avg'",
    ),
    ('nn.MSELoss(reduction="avg")', ValueError, "MSELoss: reduction must be one of ['mean', 'sum', 'none'], got 'avg'"),
    (
        "nn.init.kaiming_uniform_(ones(3))",
        ValueError,
        "kaiming_uniform_: needs a weight with at least 2 dimensions, got shape (3,)",
    ),
    (
        'nn.init.kaiming_normal_(ones(3, 3), mode="fan_sum")',
        ValueError,
        "kaiming_normal_: mode must be 'fan_in' or 'fan_out', got 'fan_sum'",
    ),
    (
        'nn.init.calculate_gain("swish")',
        ValueError,
        "calculate_gain: unknown nonlinearity 'swish'; known: ['conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', "
        "'conv_transpose2d', 'conv_transpose3d', 'linear', 'relu', 'selu', 'sigmoid', 'tanh'], leaky_relu",
    ),
    ("nn.Sequential(nn.Linear(1, 1), F.relu)", TypeError, "Sequential: item 1 is a function, not a Module"),
    ("nn.Sequential(nn.ReLU, nn.ReLU)", TypeError, "Sequential: item 0 is a type, not a Module"),
    ("nn.ModuleList([3])", TypeError, "ModuleList: item 0 is a int, not a Module"),
    ("nn.Module()(1)", NotImplementedError, "Module does not define forward"),
    ("nn.Linear(1, 1).wieght", AttributeError, "Linear has no attribute 'wieght'"),
    (
        'nn.Linear(2, 1).load_state_dict({"weight": np.ones((1, 2))})',
        KeyError,
        "load_state_dict: missing ['bias'], unexpected []",
    ),
    (
        'nn.Linear(2, 1, bias=False).load_state_dict({"weight": np.ones((2, 1))})',
        ValueError,
        "load_state_dict: weight has shape (2, 1), expected (1, 2)",
    ),
    ("optim.SGD([])", ValueError, "SGD: params is empty; pass model.parameters()"),
    ("optim.SGD([tracked(1)], lr=-0.1)", ValueError, "SGD: lr must be a number of at least 0, got -0.1"),
    ("optim.SGD([tracked(1) * 2])", ValueError, "SGD: parameter 0 was computed from others; only leaves train"),
    ("optim.SGD([np.ones(2)])", TypeError, "SGD: parameter 0 is a ndarray, not a tensor"),
    ("optim.SGD([parameter, parameter])", ValueError, "SGD: a parameter appears twice"),
    ("optim.SGD([tracked(1)], momentum=-1)", ValueError, "SGD: momentum must be a number of at least 0, got -1"),
    (
        "optim.SGD([tracked(1)], nesterov=True)",
        ValueError,
        "SGD: nesterov must be used with momentum and without dampening, got True",
    ),
    ("optim.SGD([tracked(1)], momentun=0.9)", TypeError, "SGD: got an unexpected keyword argument 'momentun'"),
    (
        "optim.Adam([tracked(1)], betas=(0.9, 1.0))",
        ValueError,
        "Adam: betas must be two numbers in [0, 1), got (0.9, 1.0)",
    ),
    ("optim.AdamW([tracked(1)], betas=0.9)", TypeError, "AdamW: betas must be two numbers in [0, 1), got 0.9"),
    ("optim.RMSprop([tracked(1)], alpha=1.5)", ValueError, "RMSprop: alpha must be a number in [0, 1], got 1.5"),
    (
        "optim.Rprop([tracked(1)], etas=(1.2, 0.5))",
        ValueError,
        "Rprop: etas must be two numbers with 0 < etas[0] < 1 < etas[1], got (1.2, 0.5)",
    ),
    (
        "optim.Rprop([tracked(1)], step_sizes=(0, 1))",
        ValueError,
        "Rprop: step_sizes must be two numbers, positive and in order, got (0, 1)",
    ),
    ("optim.Lookahead([tracked(1)])", TypeError, "Lookahead: optimizer must be an Optimizer, got a list"),
    (
        "optim.Lookahead(optim.SGD([tracked(1)]), k=0)",
        ValueError,
        "Lookahead: k must be a positive integer, got 0",
    ),
    (
        "optim.SGD([parameter]).load_state_dict(nn.Linear(1, 1).state_dict())",
        KeyError,
        "SGD.load_state_dict: missing ['param_groups', 'state']; this is the state of something else",
    ),
    (
        "optim.Adam([parameter]).load_state_dict(optim.NAdam([parameter]).state_dict())",
        KeyError,
        "Adam.load_state_dict: missing ['amsgrad']; this is the state of something else",
    ),
    (
        "optim.SGD([parameter]).load_state_dict(optim.SGD([parameter, tracked(1)]).state_dict())",
        ValueError,
        "SGD.load_state_dict: groups of [2] parameters, expected [1]",
    ),
    (
        "optim.lr_scheduler.StepLR(nn.Linear(1, 1), 3)",
        TypeError,
        "StepLR: optimizer must be an Optimizer, got a Linear",
    ),
    (
        "optim.lr_scheduler.StepLR(optim.SGD([parameter]), 0)",
        ValueError,
        "StepLR: step_size must be a positive integer, got 0",
    ),
    (
        "optim.lr_scheduler.StepLR(optim.SGD([parameter]), '3')",
        TypeError,
        "StepLR: step_size must be a positive integer, got '3'",
    ),
    (
        "optim.lr_scheduler.MultiStepLR(optim.SGD([parameter]), [5, 3])",
        ValueError,
        "MultiStepLR: milestones must be increasing positive integers, got [5, 3]",
    ),
    (
        "optim.lr_scheduler.MultiStepLR(optim.SGD([parameter]), 5)",
        TypeError,
        "MultiStepLR: milestones must be increasing positive integers, got 5",
    ),
    (
        "optim.lr_scheduler.LambdaLR(optim.SGD([parameter]), [abs, abs])",
        ValueError,
        "LambdaLR: lr_lambda must have 1 entries, got [<built-in function abs>, <built-in function abs>]",
    ),
    (
        "optim.lr_scheduler.OneCycleLR(optim.SGD([parameter]), 0.1)",
        ValueError,
        "OneCycleLR: total_steps must be a positive integer, got 0",
    ),
    (
        "optim.lr_scheduler.OneCycleLR(optim.Adagrad([parameter]), 0.1, 9)",
        ValueError,
        "OneCycleLR: cycle_momentum needs a momentum",
    ),
    (
        "optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([parameter]), 'lowest')",
        ValueError,
        "ReduceLROnPlateau: mode must be 'min' or 'max', got 'lowest'",
    ),
    (
        "nn.utils.clip_grad_norm_(parameter, -1)",
        ValueError,
        "clip_grad_norm_: needs max_norm >= 0 and norm_type > 0, got -1 and 2.0",
    ),
    (
        "nn.utils.clip_grad_norm_(parameter, 1, 0)",
        ValueError,
        "clip_grad_norm_: needs max_norm >= 0 and norm_type > 0, got 1 and 0",
    ),
    (
        "nn.utils.clip_grad_value_(parameter, -1)",
        ValueError,
        "clip_grad_value_: clip_value must be at least 0, got -1",
    ),
    ("data.TensorDataset()", ValueError, "TensorDataset: needs tensors of one first length, got lengths []"),
    (
        "data.TensorDataset(ones(2), ones(3))",
        ValueError,
        "TensorDataset: needs tensors of one first length, got lengths [2, 3]",
    ),
    (
        "data.random_split(data.TensorDataset(ones(5)), [2, 2])",
        ValueError,
        "random_split: lengths [2, 2] add up to 4, but the data set has 5 items",
    ),
    (
        "data.random_split(data.TensorDataset(ones(5)), [0.5, 0.6])",
        ValueError,
        "random_split: lengths [0.5, 0.6] add up to 1.1, but the data set has 5 items",
    ),
    (
        "data.DataLoader(data.TensorDataset(ones(5)), 0)",
        ValueError,
        "DataLoader: batch_size must be a positive integer, got 0",
    ),
    (
        "data.DataLoader(data.TensorDataset(ones(5)), 2.0)",
        ValueError,
        "DataLoader: batch_size must be a positive integer, got 2.0",
    ),
    ("data.DataLoader(data.TensorDataset(ones(0)))", ValueError, "DataLoader: the data set is empty"),
    ("data.k_fold(10, 1)", ValueError, "k_fold: k must be 2 to 10, the number of samples or groups, got 1"),
    ("data.k_fold(4)", ValueError, "k_fold: k must be 2 to 4, the number of samples or groups, got 5"),
    (
        "data.k_fold(4, 3, groups=[0, 0, 1, 1])",
        ValueError,
        "k_fold: k must be 2 to 2, the number of samples or groups, got 3",
    ),
    ("data.k_fold(4, 2, groups=[0, 1, 2])", ValueError, "k_fold: n is 4, but there are 3 groups or strata"),
    ("data.k_fold(4, 2, stratify=[0] * 5)", ValueError, "k_fold: n is 4, but there are 5 groups or strata"),
    (
        "data.k_fold(2, 2, groups=[0, 1], stratify=[0, 1])",
        ValueError,
        "k_fold: give groups or stratify, not both",
    ),
    (
        "data.augment.RandomHorizontalFlip(1.5)",
        ValueError,
        "RandomHorizontalFlip: p must be a probability between 0 and 1, got 1.5",
    ),
    (
        "data.augment.RandomErasing(p=-1)",
        ValueError,
        "RandomErasing: p must be a probability between 0 and 1, got -1",
    ),
    ("data.augment.RandomCrop()", TypeError, "missing a required argument: 'size'"),
    (
        "data.augment.RandomCrop(7, padding=1)(np.ones((2, 1, 4, 6)))",
        ValueError,
        "RandomCrop: size 7 does not fit into [4, 6] pixels with padding 1",
    ),
    (
        "data.augment.RandomRotation(9)(ones(1, 8, 8))",
        ValueError,
        "RandomRotation: expected images (N, C, H, W) of floats, got shape (1, 8, 8) of float32",
    ),
    (
        "data.augment.GaussianNoise()(np.ones((1, 1, 2, 2), np.uint8))",
        ValueError,
        "GaussianNoise: expected images (N, C, H, W) of floats, got shape (1, 1, 2, 2) of uint8",
    ),
    (
        "data.augment.GaussianBlur(4)(np.ones((1, 1, 8, 8)))",
        ValueError,
        "GaussianBlur: kernel_size must be odd and positive, got 4",
    ),
    (
        "data.augment.affine(np.ones((1, 1, 2, 2)), scale=0)",
        ValueError,
        "affine: scale must be positive, got 0",
    ),
    (
        "data.augment.mixup(np.ones((2, 1, 2, 2)), np.array([0, 3]), num_classes=3)",
        ValueError,
        "mixup: labels must lie in 0 to num_classes - 1, num_classes is 3",
    ),
    (
        "data.augment.mixup(np.ones((2, 1, 2, 2)), np.array([0, 3]))",
        ValueError,
        "mixup: labels must lie in 0 to num_classes - 1, num_classes is None",
    ),
    ("data.two_moons(0)", ValueError, "two_moons: n must be a positive integer, got 0"),
    ("data.silhouettes(2.0)", ValueError, "silhouettes: n must be a positive integer, got 2.0"),
    ("data.touching_cells(size=0)", ValueError, "touching_cells: size must be a positive integer, got 0"),
    ("data.blobs(noise=-1)", ValueError, "blobs: noise must not be negative, got -1"),
    ("data.Dataset()[0]", NotImplementedError, "Dataset does not define __getitem__"),
    ("len(data.Dataset())", NotImplementedError, "Dataset does not define __len__"),
    ("fit(nn.Linear(1, 1), [], F.mse_loss, None, 0)", ValueError, "fit: epochs must be a positive integer, got 0"),
    ("fit(nn.Linear(1, 1), [], F.mse_loss, None, 1)", ValueError, "fit: the loader gave no batches"),
    ("evaluate(nn.Linear(1, 1), [], F.mse_loss)", ValueError, "evaluate: the loader gave no batches"),
    (
        "fit(nn.Linear(1, 1), [], F.mse_loss, None, 1, patience=0)",
        ValueError,
        "fit: patience must be a positive integer, got 0",
    ),
    ("fit(nn.Linear(1, 1), [], F.mse_loss, None, 1, max_norm=0)", ValueError, "fit: max_norm must be positive, got 0"),
    *(
        (
            f"dlkit.save({expression}, 'never.npz')",
            TypeError,
            f"save: {what}; what can be saved are arrays, tensors, "
            "numbers, strings, booleans, None and dicts, lists, tuples of them, such as a state_dict()",
        )
        for expression, what in (
            ("nn.Linear(1, 1)", "obj is a Linear"),
            ("{'optimizer': [1, 2, 3, tracked]}", "obj['optimizer'][3] is a function"),
            ("({1: {'a/b': (0, {1, 2})}},)", "obj[0][1]['a/b'][1] is a set"),
            ("{'x': np.array([None])}", "obj['x'] is a ndarray of object"),
            ("[np.ones(2) * 1j]", "obj[0] is a ndarray of complex128"),
            ("[np.array(['a'])]", "obj[0] is a ndarray of <U1"),
            ("[1j, 1]", "obj[0] is a complex"),
            ("[np.complex64(1)]", "obj[0] is a complex64"),
            ("[b'text']", "obj[0] is a bytes"),
            ("{'state': {tracked: 1}}", "a key of obj['state'] is a function"),
        )
    ),
    (
        "dlkit.save('model.npz', {'x': 1})",
        TypeError,
        "save: path must be a string or a path, got dict; call save(obj, path)",
    ),
    ("dlkit.save([1], '/no/folder/model.npz')", FileNotFoundError, "save: the folder /no/folder does not exist"),
    (
        "dlkit.load(dlkit.__file__)",
        ValueError,
        f"load: {dlkit.__file__} is damaged or was not written by dlkit.save (...",
    ),
    (
        "nn.Linear(2, 1).load_state_dict({'weight': np.ones((2, 1)), 'bias': np.ones(1) * 1j})",
        ValueError,
        "load_state_dict: weight has shape (2, 1), expected (1, 2); bias is complex128, expected float32",
    ),
    ("ones(2, 2).cumsum(2)", IndexError, "cumsum: dim 2 is out of range for a tensor of shape (2, 2)"),
    ("dlkit.tensor(1.0).transpose(0, 1)", IndexError, "transpose: dim 1 is out of range for a tensor of shape ()"),
    (
        "changed_in_between(tracked(2))",
        RuntimeError,
        "backward: 'mul' needs the values of a tensor of shape (2,) as they were when it was computed, but that "
        "tensor was changed in place 1 time(s) since",
    ),
    # arrays and lists where a tensor is expected: one line that says how to make one
    *(
        (call, TypeError, f"{name}: expected a Tensor, got {kind}; make one with dlkit.tensor(...)")
        for call, name, kind in (
            ("dlkit.sum(np.ones(2))", "sum", "ndarray"),
            ("dlkit.relu([1.0])", "relu", "list"),
            ("dlkit.exp(np.ones(2))", "exp", "ndarray"),
            ("dlkit.add(1, 2)", "add", "int"),
            ("dlkit.reshape(np.ones(2), 1, 2)", "reshape", "ndarray"),
            ("F.cross_entropy(ones(2, 3), np.array([0, 1]))", "cross_entropy", "ndarray"),
            ("F.cross_entropy(np.ones((2, 3)), dlkit.tensor([0, 1]))", "cross_entropy", "ndarray"),
            ("F.mse_loss(ones(2), np.ones(2))", "mse_loss", "ndarray"),
            ("nn.Linear(2, 1)(np.ones((3, 2)))", "linear", "ndarray"),
            ("F.softmax(np.ones(2), 0)", "softmax", "ndarray"),
        )
    ),
    (
        "dlkit.exp(dlkit.tensor([1, 2]))",
        TypeError,
        "exp: expected a floating-point tensor, got int64; convert it with .float()",
    ),
    ("ones(2, 3).prod((0, 1))", TypeError, "prod: dim must be a single integer, got (0, 1)"),
    ("ones(2, 3).sum(1.0)", TypeError, "sum: dim must be an integer, got 1.0"),
    (
        "optim.SGD(nn.Linear(1, 1))",
        TypeError,
        "SGD: params is a module; pass its parameters(), as in model.parameters()",
    ),
    ("optim.Adam([parameter], lr='0.1')", TypeError, "Adam: lr must be a number of at least 0, got '0.1'"),
    (
        "data.random_split(data.TensorDataset(ones(5)), [-1, 6])",
        ValueError,
        "random_split: lengths must not be negative, got [-1, 6]",
    ),
    (
        "data.random_split(data.TensorDataset(ones(5)), [-0.5, 1.5])",
        ValueError,
        "random_split: lengths must not be negative, got [-0.5, 1.5]",
    ),
    (
        "data.random_split(data.TensorDataset(ones(5)), [])",
        ValueError,
        "random_split: lengths [] add up to 0, but the data set has 5 items",
    ),
    (
        "ones(2) & ones(2)",
        TypeError,
        "logical_and: & and | combine boolean tensors, got float32 and float32",
    ),
    (
        "nn.MaxPool2d(2, count_include_pad=True)",
        TypeError,
        "MaxPool2d.__init__() got an unexpected keyword argument 'count_include_pad'",
    ),
    (
        "dlkit.gradcheck(lambda x: x, (tracked(2) * 2).double())",
        ValueError,
        "gradcheck: input 0 was computed from other tensors; pass .detach().requires_grad_()",
    ),
    (
        "F.conv2d(ones(3, 8, 8), ones(2, 3, 3, 3))",
        ValueError,
        "conv2d: expected input (N, C, H, W), got shape (3, 8, 8)",
    ),
    (
        "nn.Conv2d(3, 8, 5)(ones(2, 1, 8, 8))",
        ValueError,
        "conv2d: input has 1 channels (shape (2, 1, 8, 8)), but weight (8, 3, 5, 5) with groups=1 expects 3",
    ),
    (
        "nn.Conv2d(1, 8, 5)(ones(2, 1, 4, 8))",
        ValueError,
        "conv2d: kernel (5, 5) with dilation (1, 1) is larger than the padded input, shape (2, 1, 4, 8) with "
        "padding (0, 0)",
    ),
    (
        "nn.Conv2d(1, 8, 5)(ones(2, 1, 8, 8).double())",
        TypeError,
        "conv2d: dtypes differ, input float64 and weight float32",
    ),
    ("nn.Conv2d(1, 8, 0)", ValueError, "Conv2d: kernel_size must be one or two integers of at least 1, got 0"),
    ("nn.Conv2d(3, 8, 3, groups=2)", ValueError, "Conv2d: in_channels 3 must be a positive multiple of groups 2"),
    (
        "nn.Conv2d(1, 2, 3, stride=2, padding='same')(ones(1, 1, 8, 8))",
        ValueError,
        "conv2d: padding='same' needs stride 1, got (2, 2)",
    ),
    (
        "F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), stride=0)",
        ValueError,
        "conv2d: stride must be one or two integers of at least 1, got 0",
    ),
    (
        "F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), dilation=(1, 2, 3))",
        ValueError,
        "conv2d: dilation must be one or two integers of at least 1, got (1, 2, 3)",
    ),
    (
        "F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 2, 2), padding=-1)",
        ValueError,
        "conv2d: padding must be one or two integers of at least 0, got -1",
    ),
    (
        "F.conv2d(ones(1, 1, 3, 3), ones(2, 1, 2, 2), ones(3))",
        ValueError,
        "conv2d: bias has shape (3,), expected (2,)",
    ),
    (
        "F.conv1d(ones(1, 1, 3), ones(1, 1, 2), stride=(1, 1))",
        ValueError,
        "conv1d: stride must be an integer of at least 1, got (1, 1)",
    ),
    (
        "F.conv1d(ones(1, 1, 3), ones(1, 1, 2), dilation=0.5)",
        ValueError,
        "conv1d: dilation must be an integer of at least 1, got 0.5",
    ),
    (
        "F.conv1d(ones(1, 1, 3), ones(1, 2))",
        ValueError,
        "conv1d: expected input (N, C, L) and weight (O, C, k), got (1, 1, 3) and (1, 2)",
    ),
    (
        "F.conv1d(ones(1, 3), ones(1, 1, 2))",
        ValueError,
        "conv1d: expected input (N, C, L) and weight (O, C, k), got (1, 3) and (1, 1, 2)",
    ),
    (
        "F.conv1d([1.0], ones(1, 1, 2))",
        TypeError,
        "conv1d: expected a Tensor, got list; make one with dlkit.tensor(...)",
    ),
    (
        "F.conv1d(ones(1, 1, 3), [1.0])",
        TypeError,
        "conv1d: expected a Tensor, got list; make one with dlkit.tensor(...)",
    ),
    (
        "F.conv_transpose2d(ones(2, 3, 3), ones(2, 1, 2, 2))",
        ValueError,
        "conv_transpose2d: expected input (N, C, H, W), got shape (2, 3, 3)",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2))",
        ValueError,
        "conv_transpose2d: expected weight (C, ..., kh, kw), got shape (2, 1, 2)",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2, 2), stride=0)",
        ValueError,
        "conv_transpose2d: stride must be one or two integers of at least 1, got 0",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2, 2), dilation=0)",
        ValueError,
        "conv_transpose2d: dilation must be one or two integers of at least 1, got 0",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2, 2), padding='same')",
        ValueError,
        "conv_transpose2d: padding must be one or two integers of at least 0, got 'same'",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2, 2), output_padding=-1)",
        ValueError,
        "conv_transpose2d: output_padding must be one or two integers of at least 0, got -1",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2, 2), ones(2))",
        ValueError,
        "conv_transpose2d: bias has shape (2,), expected (1,)",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 1, 1), ones(2, 1, 2, 2), padding=1)",
        ValueError,
        "conv_transpose2d: padding (1, 1) leaves nothing of the output for input (1, 2, 1, 1)",
    ),
    (
        "ones(2).clamp('0')",
        TypeError,
        "clamp: min must be a number, got '0'; use maximum and minimum for tensors",
    ),
    (
        "ones(2).clamp(0, ones(1))",
        TypeError,
        "clamp: max must be a number, got tensor([1.]); use maximum and minimum for tensors",
    ),
    ("ones(2).to('gpu')", TypeError, "to: expected a dtype, 'cpu' or 'cuda', got 'gpu'"),
    (
        "F.conv2d(ones(1, 2, 3, 3), ones(3, 1, 2, 2), groups=2)",
        ValueError,
        "conv2d: groups must be a positive divisor of 3 channels, got 2",
    ),
    (
        "dlkit.einsum('ij,jk->ik', ones(2, 3))",
        ValueError,
        "einsum: 'ij,jk->ik' has 2 operands, got 1 tensors",
    ),
    (
        "dlkit.einsum('ijk,k', ones(2, 3), ones(3))",
        ValueError,
        "einsum: 'ijk' must name each dimension of operand 0, shape (2, 3), by another letter",
    ),
    (
        "dlkit.einsum('ii->i', ones(2, 2))",
        ValueError,
        "einsum: 'ii' must name each dimension of operand 0, shape (2, 2), by another letter",
    ),
    (
        "dlkit.einsum('ij,jk->ik', ones(2, 3), ones(4, 5))",
        ValueError,
        "einsum: 'j' is 3 long, but 4 in operand 1, shape (4, 5)",
    ),
    (
        "dlkit.einsum('ij->ik', ones(2, 3))",
        ValueError,
        "einsum: the result 'ik' must name dimensions of the operands, each once",
    ),
    (
        "ones(2).to('cuda')",
        RuntimeError,
        "this process computes on 'cpu': set the environment variable DLKIT_DEVICE=cuda before dlkit is imported "
        "(a GPU needs CuPy)",
    ),
    (
        "F.conv1d(ones(1, 2, 9), ones(1, 3, 3))",
        ValueError,
        "conv1d: input has 2 channels (shape (1, 2, 9)), but weight (1, 3, 3) with groups=1 expects 3",
    ),
    (
        "F.conv1d(ones(1, 2, 3), ones(1, 2, 4), padding='valid')",
        ValueError,
        "conv1d: kernel (4,) with dilation (1,) is larger than the padded input, shape (1, 2, 3) with padding 'valid'",
    ),
    (
        "F.conv1d(ones(1, 2, 3), ones(1, 2, 2), stride=2, padding='same')",
        ValueError,
        "conv1d: padding='same' needs stride 1, got (2,)",
    ),
    (
        "F.conv2d(ones(1, 1, 3, 3), ones(2, 1, 2, 2), ones(2, dtype='float64'))",
        TypeError,
        "conv2d: dtypes differ, input float32 and bias float64",
    ),
    (
        "F.max_pool2d(ones(1, 1, 8, 8), 2, padding=2)",
        ValueError,
        "max_pool2d: padding (2, 2) must be at most half of kernel_size (2, 2)",
    ),
    (
        "F.max_pool2d(ones(1, 1, 2, 2), 3)",
        ValueError,
        "max_pool2d: kernel_size (3, 3) is larger than the padded input, shape (1, 1, 2, 2)",
    ),
    (
        "F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 1, 2, 2), output_padding=1)",
        ValueError,
        "conv_transpose2d: output_padding (1, 1) must be smaller than stride (1, 1) or dilation (1, 1)",
    ),
    ("F.interpolate(ones(1, 1, 2, 2))", ValueError, "interpolate: give either size or scale_factor"),
    (
        "F.interpolate(ones(1, 1, 2, 2), 4, mode='cubic')",
        ValueError,
        "interpolate: mode must be 'nearest' or 'bilinear', got 'cubic'",
    ),
    # activations, losses, initial values
    ("F.gelu(ones(2), 'erf')", ValueError, "gelu: approximate must be 'none' or 'tanh', got 'erf'"),
    ("F.softplus(ones(2), 0)", ValueError, "softplus: beta must be positive, got 0"),
    ("F.celu(ones(2), -1.0)", ValueError, "celu: alpha must be positive, got -1.0"),
    ("F.hardtanh(ones(2), 1, 1)", ValueError, "hardtanh: min_val must be below max_val, got 1 and 1"),
    ("nn.Softplus(-2)(ones(2))", ValueError, "softplus: beta must be positive, got -2"),
    ("nn.Softmax()", TypeError, "Softmax: missing a required argument: 'dim'"),
    ("nn.ReLU(inplace=True)", TypeError, "ReLU: got an unexpected keyword argument 'inplace'"),
    ("nn.LeakyReLU(0.1, 0.2)", TypeError, "LeakyReLU: too many positional arguments"),
    *(
        (f"F.{name}(dlkit.tensor([1, 2]))", TypeError, f"{name}: expected a floating-point tensor, got int64; ...")
        for name in (
            "celu",
            "elu",
            "gelu",
            "hardsigmoid",
            "hardswish",
            "hardtanh",
            "logsigmoid",
            "mish",
            "relu6",
            "selu",
            "silu",
            "softplus",
            "softsign",
            "swish",
        )
    ),  # fmt: skip
    (
        "F.prelu(ones(2, 3), ones(2))",
        ValueError,
        "prelu: weight has shape (2,), expected (1,) or (3,), one slope a channel",
    ),
    *(
        (
            f"F.{name}(ones(4, 1), ones(4))",
            ValueError,
            f"{name}: input has shape (4, 1) but target has shape (4,)",
        )
        for name in (
            "mse_loss",
            "l1_loss",
            "huber_loss",
            "smooth_l1_loss",
            "tukey_loss",
            "quantile_loss",
            "barron_loss",
            "dice_loss",
            "kl_div",
            "poisson_nll_loss",
        )
    ),  # fmt: skip
    ("F.huber_loss(ones(2), ones(2), delta=-1)", ValueError, "huber_loss: delta must be positive, got -1"),
    ("F.smooth_l1_loss(ones(2), ones(2), beta=-1)", ValueError, "smooth_l1_loss: beta must be positive, got -1"),
    ("F.tukey_loss(ones(2), ones(2), delta='1')", ValueError, "tukey_loss: delta must be positive, got '1'"),
    (
        "F.quantile_loss(ones(2), ones(2), quantile=1)",
        ValueError,
        "quantile_loss: quantile must lie between 0 and 1, got 1",
    ),
    ("F.barron_loss(ones(2), ones(2), c=0)", ValueError, "barron_loss: c must be positive, got 0"),
    (
        "F.barron_loss(ones(2), ones(2), alpha=np.inf)",
        ValueError,
        "barron_loss: alpha must be a number below infinity, got inf",
    ),
    ("F.dice_loss(ones(2), ones(2))", ValueError, "dice_loss: expected a batch (N, d1, ...), got shape (2,)"),
    ("F.dice_loss(ones(2, 2), ones(2, 2), smooth=0)", ValueError, "dice_loss: smooth must be positive, got 0"),
    (
        "F.kl_div(ones(2), ones(2), reduction='avg')",
        ValueError,
        "kl_div: reduction must be one of ['mean', 'sum', 'none', 'batchmean'], got 'avg'",
    ),
    (
        "nn.MSELoss('batchmean')",
        ValueError,
        "MSELoss: reduction must be one of ['mean', 'sum', 'none'], got 'batchmean'",
    ),
    (
        "F.cross_entropy(ones(2, 3), dlkit.tensor([0, 1]), label_smoothing=1.5)",
        ValueError,
        "cross_entropy: label_smoothing must lie in [0, 1], got 1.5",
    ),
    (
        "F.cross_entropy(ones(2, 3), dlkit.tensor([0, 1]), weight=ones(2))",
        ValueError,
        "cross_entropy: weight of shape (2,) does not expand to (3,)",
    ),
    (
        "F.cross_entropy(ones(2, 3), ones(2, 3), weight=ones(2))",
        ValueError,
        "cross_entropy: weight of shape (2,) does not expand to (3,)",
    ),
    (
        "F.cross_entropy(dlkit.tensor(1.0), dlkit.tensor(1.0))",
        ValueError,
        "cross_entropy: expected input (N, C, ...) and target (N, ...), got () and ()",
    ),
    (
        "F.nll_loss(ones(2, 3), dlkit.tensor([0, 3]), ignore_index=0)",
        ValueError,
        "nll_loss: target must lie in 0..2, found 3..3",
    ),
    (
        "F.focal_loss(ones(2, 3), ones(2))",
        TypeError,
        "focal_loss: target must hold integer classes, got float32",
    ),
    (
        "F.sigmoid_focal_loss(ones(2), ones(3))",
        ValueError,
        "sigmoid_focal_loss: input has shape (2,) but target has shape (3,)",
    ),
    (
        "F.binary_cross_entropy(ones(2, 3), ones(2, 3), weight=ones(2))",
        ValueError,
        "binary_cross_entropy: weight of shape (2,) does not expand to (2, 3)",
    ),
    (
        "F.binary_cross_entropy_with_logits(ones(3), ones(3), pos_weight=ones(2, 3))",
        ValueError,
        "binary_cross_entropy_with_logits: pos_weight of shape (2, 3) does not expand to (3,)",
    ),
    (
        "F.gaussian_nll_loss(ones(2), ones(2), -1.0)",
        ValueError,
        "gaussian_nll_loss: var must not be negative, found -1",
    ),
    (
        "F.gaussian_nll_loss(ones(2, 3), ones(2, 3), ones(3, 2))",
        ValueError,
        "gaussian_nll_loss: var of shape (3, 2) does not expand to (2, 3)",
    ),
    (
        "F.class_balanced_weights([3, 0])",
        ValueError,
        "class_balanced_weights: needs counts >= 1 and beta in [0, 1), got [3, 0] and 0.999",
    ),
    (
        "F.class_balanced_weights([3], 1)",
        ValueError,
        "class_balanced_weights: needs counts >= 1 and beta in [0, 1), got [3] and 1",
    ),
    ("nn.init.eye_(ones(2, 2, 2))", ValueError, "eye_: needs a matrix, got shape (2, 2, 2)"),
    (
        "nn.init.orthogonal_(ones(3))",
        ValueError,
        "orthogonal_: needs a weight with at least 2 dimensions, got shape (3,)",
    ),
    (
        "nn.init.trunc_normal_(ones(3), 0.0, 1.0, 5.0, 6.0)",
        ValueError,
        "trunc_normal_: [5.0, 6.0] holds too little of a normal with mean 0.0 and std 1.0",
    ),
    ("Half()", AttributeError, "Half: call super().__init__() before assigning layer"),
    # normalisation, embedding, recurrent cells, attention, summary
    (
        "F.batch_norm(ones(3), None, None, training=True)",
        ValueError,
        "batch_norm: expected input (N, C, ...), got shape (3,)",
    ),
    (
        "F.batch_norm(ones(1, 3), None, None, training=True)",
        ValueError,
        "batch_norm: training needs more than one value per channel, got input (1, 3)",
    ),
    (
        "F.batch_norm(ones(4, 3), None, None)",
        ValueError,
        "batch_norm: give both running_mean and running_var, or (in training only) neither",
    ),
    (
        "F.batch_norm(ones(4, 3), ones(3), None, training=True)",
        ValueError,
        "batch_norm: give both running_mean and running_var, or (in training only) neither",
    ),
    (
        "F.batch_norm(ones(4, 3), ones(2), ones(3))",
        ValueError,
        "batch_norm: running_mean has shape (2,), expected (3,) for input (4, 3)",
    ),
    (
        "F.batch_norm(ones(4, 3).double(), ones(3), ones(3))",
        TypeError,
        "batch_norm: dtypes differ, input float64 and running_mean float32",
    ),
    (
        "F.batch_norm(ones(4, 3), np.ones(3), ones(3))",
        TypeError,
        "batch_norm: expected a Tensor, got ndarray; make one with dlkit.tensor(...)",
    ),
    (
        "nn.BatchNorm1d(3)(ones(4, 3, 2, 2))",
        ValueError,
        "BatchNorm1d: expected input (N, C) or (N, C, L), got shape (4, 3, 2, 2)",
    ),
    (
        "nn.BatchNorm2d(3)(ones(4, 3))",
        ValueError,
        "BatchNorm2d: expected input (N, C, H, W), got shape (4, 3)",
    ),
    (
        "nn.BatchNorm2d(3)(np.ones((1, 3, 2, 2)))",
        TypeError,
        "BatchNorm2d: expected a Tensor, got ndarray; make one with dlkit.tensor(...)",
    ),
    (
        "nn.BatchNorm1d(3)(ones(4, 2))",
        ValueError,
        "batch_norm: running_mean has shape (3,), expected (2,) for input (4, 2)",
    ),
    (
        "nn.BatchNorm1d(0)",
        ValueError,
        "BatchNorm1d: lengths must be positive integers, got (0,)",
    ),
    (
        "F.layer_norm(ones(4, 3), (4,))",
        ValueError,
        "layer_norm: normalized_shape (4,) must be the last lengths of input (4, 3)",
    ),
    (
        "F.layer_norm(ones(4, 3), ())",
        ValueError,
        "layer_norm: normalized_shape () must be the last lengths of input (4, 3)",
    ),
    (
        "F.layer_norm(ones(4, 3), (3,), ones(2))",
        ValueError,
        "layer_norm: weight has shape (2,), expected (3,) for input (4, 3)",
    ),
    (
        "F.layer_norm(dlkit.tensor([[1, 2]]), (2,))",
        TypeError,
        "layer_norm: expected a floating-point tensor, got int64; convert it with .float()",
    ),
    (
        "nn.LayerNorm((3, 2.0))",
        ValueError,
        "LayerNorm: lengths must be positive integers, got (3, 2.0)",
    ),
    (
        "F.embedding(ones(2), ones(3, 2))",
        TypeError,
        "embedding: input must hold integers, got float32",
    ),
    (
        "F.embedding(dlkit.tensor([0, 3]), ones(3, 2))",
        IndexError,
        "embedding: input must lie in 0..2, found 0..3",
    ),
    (
        "F.embedding(dlkit.tensor([-1, 0]), ones(3, 2))",
        IndexError,
        "embedding: input must lie in 0..2, found -1..0",
    ),
    (
        "nn.Embedding(3, 0)",
        ValueError,
        "Embedding: embedding_dim must be a positive integer, got 0",
    ),
    (
        "nn.Embedding(3, 2, padding_idx=3)",
        ValueError,
        "Embedding: padding_idx 3 is out of range for 3 embeddings",
    ),
    (
        "F.embedding(dlkit.tensor([0]), ones(3, 2), -4)",
        ValueError,
        "embedding: padding_idx -4 is out of range for 3 embeddings",
    ),
    (
        "nn.RNNCell(3, 2, nonlinearity='sigmoid')",
        ValueError,
        "RNNCell: nonlinearity must be 'tanh' or 'relu', got 'sigmoid'",
    ),
    (
        "nn.GRUCell(0, 2)",
        ValueError,
        "GRUCell: input_size must be a positive integer, got 0",
    ),
    (
        "nn.GRUCell(3, 2)(ones(4, 2))",
        ValueError,
        "GRUCell: expected input (N, 3) or (3,), got (4, 2)",
    ),
    (
        "nn.GRUCell(3, 2)(ones(4, 1, 3))",
        ValueError,
        "GRUCell: expected input (N, 3) or (3,), got (4, 1, 3)",
    ),
    (
        "nn.GRUCell(3, 2)(ones(4, 3), ones(1, 2))",
        ValueError,
        "GRUCell: hx must be 1 of shape (4, 2), got [(1, 2)]",
    ),
    (
        "nn.LSTMCell(3, 2)(ones(4, 3), ones(4, 2))",
        ValueError,
        "LSTMCell: hx must be 2 of shape (4, 2), got [(4, 2)]",
    ),
    (
        "nn.LSTMCell(3, 2)(np.ones((4, 3)))",
        TypeError,
        "LSTMCell: expected a Tensor, got ndarray; make one with dlkit.tensor(...)",
    ),
    (
        "F.scaled_dot_product_attention(ones(3, 2), ones(4, 3), ones(4, 2))",
        ValueError,
        "scaled_dot_product_attention: expected query (..., L, E), key (..., S, E), value (..., S, V), "
        "got (3, 2), (4, 3), (4, 2)",
    ),
    (
        "F.scaled_dot_product_attention(ones(2), ones(4, 2), ones(4, 2))",
        ValueError,
        "scaled_dot_product_attention: expected query (..., L, E), key (..., S, E), value (..., S, V), "
        "got (2,), (4, 2), (4, 2)",
    ),
    (
        "F.scaled_dot_product_attention(ones(3, 2), ones(4, 2), ones(4, 2), ones(3, 4), is_causal=True)",
        ValueError,
        "scaled_dot_product_attention: give attn_mask or is_causal, not both",
    ),
    (
        "F.scaled_dot_product_attention(ones(3, 2), ones(4, 2), ones(4, 2), ones(4, 3))",
        ValueError,
        "scaled_dot_product_attention: attn_mask has shape (4, 3), which does not broadcast to (3, 4)",
    ),
    (
        "F.scaled_dot_product_attention(ones(3, 2), ones(4, 2), ones(4, 2), ones(3, 4).long())",
        TypeError,
        "scaled_dot_product_attention: attn_mask must be bool or float32, got int64",
    ),
    (
        "nn.MultiheadAttention(4, 3)",
        ValueError,
        "MultiheadAttention: embed_dim 4 must be a multiple of num_heads 3",
    ),
    (
        "nn.MultiheadAttention(4, 0)",
        ValueError,
        "MultiheadAttention: num_heads must be a positive integer, got 0",
    ),
    (
        "nn.MultiheadAttention(4, 2)(ones(3, 4), ones(5, 4), ones(4, 4))",
        ValueError,
        "MultiheadAttention: query (3, 4), key (5, 4) and value (4, 4) do not fit each other and embed_dim 4",
    ),
    (
        "nn.MultiheadAttention(4, 2)(ones(3, 2, 4), ones(3, 1, 4), ones(3, 1, 4))",
        ValueError,
        "MultiheadAttention: query (3, 2, 4), key (3, 1, 4) and value (3, 1, 4) do not fit each other and embed_dim 4",
    ),
    (
        "nn.MultiheadAttention(4, 2)(ones(3, 4), ones(3, 4), ones(3, 4), attn_mask=ones(3, 2) > 0)",
        ValueError,
        "MultiheadAttention: attn_mask has shape (3, 2), which does not broadcast to (2, 3, 3)",
    ),
    (
        "nn.MultiheadAttention(4, 2)(ones(3, 4), ones(3, 4), ones(3, 4), key_padding_mask=dlkit.tensor([0, 1, 1]))",
        TypeError,
        "MultiheadAttention: key_padding_mask must be bool or float32, got int64",
    ),
    (
        "nn.summary(nn.ReLU())",
        ValueError,
        "summary: give either input_size or input_data",
    ),
    (
        "nn.summary(nn.ReLU(), (2, 3), ones(2, 3))",
        ValueError,
        "summary: give either input_size or input_data",
    ),
]


@pytest.mark.parametrize(("expression", "kind", "message"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_mistake(expression, kind, message):
    with pytest.raises(Exception) as caught:
        eval(expression, NAMES)
    error = caught.value
    assert type(error) is kind
    found = error.args[0]
    assert found == message or message.endswith("...") and found.startswith(message[:-3])
    assert error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)  # one traceback


def test_enough_mistakes():
    assert len({row[0] for row in MISTAKES}) >= 100
