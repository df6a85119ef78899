"""The training loop, once and for all: fit and evaluate."""

import os

from .autograd import no_grad

__all__ = ["accuracy", "evaluate", "fit"]


def accuracy(output, target):
    """Share of rows of output (N, C) whose largest entry is at the target class (N,)."""
    return float((output.data.argmax(1) == target.data).mean())


def evaluate(model, loader, loss_fn, metrics=None):
    """Mean loss and metrics of a model over a loader, in evaluation mode and without recording.

    Parameters
    ----------
    model : Module
        Left in the mode it was in.
    loader : iterable of (input, target)
    loss_fn : callable
        ``loss_fn(output, target)`` returns the mean loss of the batch.
    metrics : dict from name to callable, optional
        ``metric(output, target)`` returns a mean over the batch.

    Returns
    -------
    dict from 'loss' and the metrics' names to float
        Means over samples: a smaller last batch counts for less.
    """
    functions = {"loss": loss_fn, **(metrics or {})}
    totals, count, mode = dict.fromkeys(functions, 0.0), 0, model.training
    model.eval()
    try:
        with no_grad():
            for input, target in loader:
                output = model(input)
                for name, function in functions.items():
                    totals[name] += float(function(output, target)) * len(input)
                count += len(input)
    finally:
        model.train(mode)
    if not count:
        raise ValueError("evaluate: the loader gave no batches")
    return {name: total / count for name, total in totals.items()}


def fit(model, loader, loss_fn, optimizer, epochs, validation=None, metrics=None, print_every=0):
    """Train a model by mini-batch gradient descent.

    A progress bar shows the epoch under way. It leaves nothing behind; the environment variable
    ``DLKIT_PROGRESS=off`` hides it.

    Parameters
    ----------
    model : Module
    loader : DataLoader
        Batches (input, target) to train on.
    loss_fn : callable
        ``loss_fn(output, target)`` returns the mean loss of the batch, a tensor.
    optimizer : Optimizer
    epochs : int, positive
    validation : DataLoader, optional
        Evaluated after every epoch.
    metrics : dict from name to callable, optional
        Evaluated with the validation loss.
    print_every : int
        Print a line after every so many epochs; 0 prints none.

    Returns
    -------
    dict from name to list of float
        'loss', the mean training loss of each epoch as it was while training; with ``validation`` also
        'val_loss' and 'val_' + name of each metric.

    Raises
    ------
    ValueError
        If epochs is not a positive integer, or the loader gives no batches.
    FloatingPointError
        If the training loss is not finite, naming the epoch and the batch.
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"fit: epochs must be a positive integer, got {epochs!r}")
    from tqdm.auto import tqdm

    history = {"loss": []}
    quiet = os.environ.get("DLKIT_PROGRESS") == "off"
    model.train()
    for epoch in range(1, epochs + 1):
        total, count = 0.0, 0
        for i, (input, target) in enumerate(tqdm(loader, f"epoch {epoch}/{epochs}", leave=False, disable=quiet)):
            optimizer.zero_grad()
            loss = loss_fn(model(input), target)
            value = loss.item()
            if not -float("inf") < value < float("inf"):
                raise FloatingPointError(
                    f"fit: the loss is {value} in epoch {epoch}, batch {i + 1}; a smaller learning rate may help"
                )
            loss.backward()
            optimizer.step()
            total, count = total + value * len(input), count + len(input)
        if not count:
            raise ValueError("fit: the loader gave no batches")
        history["loss"].append(total / count)
        if validation is not None:
            for name, number in evaluate(model, validation, loss_fn, metrics).items():
                history.setdefault(f"val_{name}", []).append(number)
        if print_every and epoch % print_every == 0:
            print(f"epoch {epoch:3d}: " + ", ".join(f"{name} {values[-1]:.4f}" for name, values in history.items()))
    return history
