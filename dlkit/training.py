"""The training loop, once and for all: fit and evaluate."""

import math
import os

from . import creation
from .autograd import no_grad
from .nn.module import Module
from .nn.utils import clip_grad_norm_
from .optim.lr_scheduler import ReduceLROnPlateau
from .serialization import load, save

__all__ = ["accuracy", "evaluate", "fit"]


def accuracy(output, target):
    """Share of rows of output (N, C) whose largest entry is at the target class (N,)."""
    return float((output.data.argmax(1) == target.data).mean())


def evaluate(model, loader, loss_fn, metrics=None):
    """Mean loss and metrics of a model over a loader, in evaluation mode and without recording.

    Parameters
    ----------
    model : Module or any other callable
        A module is left in the mode it was in.
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
    module = model if isinstance(model, Module) else Module()  # a stand-in whose mode nobody looks at
    functions = {"loss": loss_fn, **(metrics or {})}
    totals, count, mode = dict.fromkeys(functions, 0.0), 0, module.training
    module.eval()
    try:
        with no_grad():
            for input, target in loader:
                output = model(input)
                for name, function in functions.items():
                    totals[name] += float(function(output, target)) * len(input)
                count += len(input)
    finally:
        module.train(mode)
    if not count:
        raise ValueError("evaluate: the loader gave no batches")
    return {name: total / count for name, total in totals.items()}


class _Run:
    """All that an epoch changes, as one state_dict: a checkpoint."""

    def __init__(self, model, optimizer, scheduler, loaders, names):
        self.parts = {"model": model, "optimizer": optimizer} | ({"scheduler": scheduler} if scheduler else {})
        generators = [creation.generator(), *(getattr(loader, "generator", None) for loader in loaders)]
        bits = [getattr(generator, "bit_generator", None) for generator in generators]
        self.bits = [b for b in bits if isinstance(getattr(b, "state", None), dict)]
        # the best model so far, for early stopping: its epoch, loss and weights
        self.history, self.best = {name: [] for name in names}, None
        dtypes = sorted({parameter.dtype.__name__ for parameter in model.parameters()})
        self.contents = ", ".join([*dtypes, *self.parts, f"{len(self.bits)} random generators", *names])

    def state_dict(self):
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        random = [b.state for b in self.bits]
        return {"contents": self.contents, **parts, "random": random, "history": self.history, "best": self.best}

    def load_state_dict(self, state):
        found = isinstance(state, dict) and state.get("contents")
        if found != self.contents:
            raise ValueError(f"it holds {found or 'something else'}; this run has {self.contents}")
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        for b, saved in zip(self.bits, state["random"]):
            b.state = saved
        self.history, self.best = state["history"], state["best"]

    def resume(self, path):
        """Continue from a checkpoint, all or nothing; write the first one where there is none."""
        before = self.state_dict()
        if not os.path.exists(path):
            return save(before, path)
        try:
            self.load_state_dict(load(path))
        except Exception as error:
            self.load_state_dict(before)
            raise ValueError(f"fit: cannot continue from {path}: {(error.args or [error])[-1]}") from None


def fit(model, loader, loss_fn, optimizer, epochs, validation=None, metrics=None, print_every=0, scheduler=None,
        max_norm=None, patience=None, min_delta=0.0, checkpoint=None):  # fmt: skip
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
    scheduler : LRScheduler, optional
        Stepped after every epoch; ReduceLROnPlateau is given the monitored loss.
    max_norm : float, positive, optional
        Scale the gradient of the model down to this Euclidean norm before a step if it is longer.
    patience : int, positive, optional
        Early stopping: end after so many epochs in a row without an improvement of the monitored loss. However
        training ends, the model then has the weights of its best epoch. Prechelt (1998), Early stopping - but when?
    min_delta : float
        A monitored loss is an improvement if it is lower than the best so far by more than this.
    checkpoint : str or path, optional
        A file for the state of the run. It is written before the first epoch and after every epoch; if it is there
        already, the run continues from it. A run that was interrupted, at whatever moment, and called again
        ends as it would have without the interruption, to the last bit; one that had ended returns at once, or goes on
        if ``epochs`` has grown. The state is that of the model, of the optimizer and scheduler with their settings,
        of the history, and of the generators of ``manual_seed`` and of the two loaders; randomness from elsewhere is
        the caller's.

    Returns
    -------
    dict from name to list of float
        'loss', the mean training loss of each epoch as it was while training; with ``validation`` also
        'val_loss' and ``val_`` plus the name of each metric. The monitored loss is 'val_loss' or else 'loss'.

    Raises
    ------
    ValueError
        If epochs or patience is not a positive integer, max_norm is not positive, the loader gives no
        batches, or the checkpoint is damaged or belongs to another run (nothing is changed then).
    FloatingPointError
        If the training loss is not finite, naming the epoch and the batch.
    """
    for name, value in (("epochs", epochs), ("patience", 1 if patience is None else patience)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"fit: {name} must be a positive integer, got {value!r}")
    if max_norm is not None and not max_norm > 0:
        raise ValueError(f"fit: max_norm must be positive, got {max_norm}")
    from tqdm.auto import tqdm

    names = ["loss"] if validation is None else ["loss", "val_loss", *(f"val_{name}" for name in metrics or ())]
    run = _Run(model, optimizer, scheduler, (loader, validation), names)
    if checkpoint is not None:
        run.resume(checkpoint)
    history, done = run.history, len(run.history["loss"])
    run.best = patience and (run.best or {"epoch": done, "loss": math.inf, "model": model.state_dict()})
    quiet = os.environ.get("DLKIT_PROGRESS") == "off"
    model.train()
    for epoch in range(done + 1, epochs + 1):
        if run.best and epoch - 1 - run.best["epoch"] >= patience:
            break
        total, count = 0.0, 0
        for i, (input, target) in enumerate(tqdm(loader, f"epoch {epoch}/{epochs}", leave=False, disable=quiet)):
            optimizer.zero_grad()
            loss = loss_fn(model(input), target)
            value = loss.item()
            if not math.isfinite(value):
                where = f"epoch {epoch}, batch {i + 1}"
                raise FloatingPointError(f"fit: the loss is {value} in {where}; a smaller learning rate may help")
            loss.backward()
            if max_norm is not None:
                clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            total, count = total + value * len(input), count + len(input)
        if not count:
            raise ValueError("fit: the loader gave no batches")
        history["loss"].append(total / count)
        if validation is not None:
            for name, number in evaluate(model, validation, loss_fn, metrics).items():
                history[f"val_{name}"].append(number)
        monitored = history["val_loss" if "val_loss" in history else "loss"][-1]
        if scheduler is not None:
            scheduler.step(monitored) if isinstance(scheduler, ReduceLROnPlateau) else scheduler.step()
        if run.best and monitored < run.best["loss"] - min_delta:
            run.best = {"epoch": epoch, "loss": monitored, "model": model.state_dict()}
        if print_every and epoch % print_every == 0:
            print(f"epoch {epoch:3d}: " + ", ".join(f"{name} {values[-1]:.4f}" for name, values in history.items()))
        if checkpoint is not None:
            save(run.state_dict(), checkpoint)
    if run.best:
        model.load_state_dict(run.best["model"])
    return history
