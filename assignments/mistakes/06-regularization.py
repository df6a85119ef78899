"""Solutions of 06-regularization as students write them: wrong ones and what they must lose, and other right ones."""


# %% wrong rg-ridge: forgets that the error is a mean, and shrinks too far
# loses: rg-ridge-test rg-shrink-test
# hint: the penalty counts n times
def ridge(x, y, lam):
    return np.linalg.solve(x.T @ x + lam * np.eye(x.shape[1]), x.T @ y)


def shrink(w, t):
    return w - t * np.sign(w)


# %% wrong rg-ridge: hard threshold
# loses: rg-shrink-test
# hint: large weights move, too
def ridge(x, y, lam):
    n, d = x.shape
    return np.linalg.solve(x.T @ x / n + lam * np.eye(d), x.T @ y / n)


def shrink(w, t):
    return np.where(np.abs(w) > t, w, 0)


# %% wrong rg-dropout: does not scale
# loses: rg-dropout-train
# hint: must be scaled up
def dropout(x, p, rng, training):
    return x * (rng.random(x.shape) >= p) if training else x


# %% wrong rg-dropout: drops with probability 1 - p
# loses: rg-dropout-train
# hint: the probability to drop
def dropout(x, p, rng, training):
    return x * (rng.random(x.shape) < p) / p if training else x


# %% wrong rg-dropout: forgets evaluation
# loses: rg-dropout-eval
# hint: dropout in evaluation
def dropout(x, p, rng, training):
    return x * (rng.random(x.shape) >= p) / (1 - p)


# %% wrong rg-dropout: scales in evaluation instead
# loses: rg-dropout-train rg-dropout-eval
# hint: must be scaled up
def dropout(x, p, rng, training):
    return x * (rng.random(x.shape) >= p) if training else x * (1 - p)


# %% wrong rg-decay: exchanged
# loses: rg-decay-test
# hint: this is the decoupled one
def l2_step(w, g, s, rate, lam):
    return w - rate * g / s - rate * lam * w


def decoupled_step(w, g, s, rate, lam):
    return w - rate * (g + lam * w) / s


# %% wrong rg-norm: always the batch
# loses: rg-norm-eval
# hint: must not look at the batch
def batch_norm(x, running, training):
    mean, var = x.mean(axis=0), x.var(axis=0)
    new = {"mean": 0.9 * running["mean"] + 0.1 * mean, "var": 0.9 * running["var"] + 0.1 * x.var(axis=0, ddof=1)}
    return (x - mean) / np.sqrt(var + 1e-5), new if training else running


# %% wrong rg-norm: the wrong axis
# loses: rg-norm-train rg-norm-running
# hint: each column on its own
def batch_norm(x, running, training):
    if not training:
        return (x - running["mean"]) / np.sqrt(running["var"] + 1e-5), running
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    new = {"mean": 0.9 * running["mean"] + 0.1 * mean.mean(), "var": 0.9 * running["var"] + 0.1 * var.mean()}
    return (x - mean) / np.sqrt(var + 1e-5), new


# %% wrong rg-norm: momentum the other way round
# loses: rg-norm-running
# hint: it moves by a tenth
def batch_norm(x, running, training):
    if not training:
        return (x - running["mean"]) / np.sqrt(running["var"] + 1e-5), running
    mean, var = x.mean(axis=0), x.var(axis=0)
    new = {"mean": 0.1 * running["mean"] + 0.9 * mean, "var": 0.1 * running["var"] + 0.9 * x.var(axis=0, ddof=1)}
    return (x - mean) / np.sqrt(var + 1e-5), new


# %% wrong rg-stopping: compares with the epoch before
# loses: rg-stopping-test
# hint: stopping(
def stopping(losses, patience):
    bad = 0
    for epoch in range(1, len(losses)):
        bad = bad + 1 if losses[epoch] >= losses[epoch - 1] else 0
        if bad >= patience:
            return epoch, int(np.argmin(losses[: epoch + 1]))
    return len(losses) - 1, int(np.argmin(losses))


# %% wrong rg-folds: trains on everything
# loses: rg-folds-test
# hint: leakage
def folds(n, k, rng):
    order = rng.permutation(n)
    return [(order, part) for part in np.array_split(order, k)]


# %% wrong rg-folds: not shuffled
# loses: rg-folds-test
# hint: the order must be random
def folds(n, k, rng):
    parts = np.array_split(np.arange(n), k)
    return [(np.concatenate(parts[:i] + parts[i + 1 :]), parts[i]) for i in range(k)]


# %% wrong rg-choose: by the training error
# loses: rg-choose-test
# hint: choose by validation
def choose_penalty(x, y):
    lam = min(GRID, key=lambda lam: np.mean((x @ ridge(x, y, lam) - y) ** 2))
    return lam, ridge(x, y, lam)


# %% wrong rg-choose: returns the weights of the last fold
# loses: rg-choose-test
# hint: the weights
def choose_penalty(x, y):
    best = np.inf
    for lam in GRID:
        errors = []
        for t, v in folds(len(x), 5, np.random.default_rng(0)):
            w = ridge(x[t], y[t], lam)
            errors.append(np.mean((x[v] @ w - y[v]) ** 2))
        if np.mean(errors) < best:
            best, chosen, weights = np.mean(errors), lam, w
    return chosen, weights


# %% wrong rg-student: did not say who they are
# loses: rg-choose-test
# hint: who are you
STUDENT = "your student number"


# %% right rg-ridge: by stacking, and by cases
def ridge(x, y, lam):
    n, d = x.shape
    return np.linalg.lstsq(np.vstack([x, np.sqrt(n * lam) * np.eye(d)]), np.append(y, np.zeros(d)), rcond=None)[0]


def shrink(w, t):
    return np.array([v - t if v > t else v + t if v < -t else 0.0 for v in w])


# %% right rg-dropout: where
def dropout(x, p, rng, training):
    return np.where(rng.random(x.shape) < p, 0, x / (1 - p)) if training else x.copy()


# %% right rg-norm: a running variance by n / (n - 1)
def batch_norm(x, running, training):
    n, mean, var = len(x), running["mean"], running["var"]
    if training:
        mean = np.sum(x, axis=0) / n
        var = np.mean((x - mean) ** 2, axis=0)
        running = {k: running[k] + 0.1 * (v - running[k]) for k, v in (("mean", mean), ("var", var * n / (n - 1)))}
    return (x - mean) * (var + 1e-5) ** -0.5, running


# %% right rg-stopping: by the definition
def stopping(losses, patience):
    for epoch in range(patience, len(losses)):
        if min(losses[epoch - patience + 1 : epoch + 1]) >= min(losses[: epoch - patience + 1]):
            return epoch, int(np.argmin(losses[: epoch + 1]))
    return len(losses) - 1, int(np.argmin(losses))


# %% right rg-folds: every k-th of a shuffled list
def folds(n, k, rng):
    order = list(range(n))
    rng.shuffle(order)
    return [(np.array([j for i, j in enumerate(order) if i % k != f]), np.array(order[f::k])) for f in range(k)]
