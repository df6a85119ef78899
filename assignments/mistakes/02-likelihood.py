"""Solutions of 02-likelihood as students write them: wrong ones and what they must lose, and right ones."""


# %% wrong ll-gaussian: the sum, and n - 1
# loses: ll-gaussian-nll ll-gaussian-fit
# hint: the sum instead of the mean
def gaussian_nll(x, mu, sigma):
    return np.sum(0.5 * ((x - mu) / sigma) ** 2 + np.log(sigma * np.sqrt(2 * np.pi)))


def fit_gaussian(x):
    return x.mean(), x.std(ddof=1)


# %% wrong ll-gaussian: forgets log sigma, returns the variance
# loses: ll-gaussian-nll ll-gaussian-fit
# hint: log σ is missing
def gaussian_nll(x, mu, sigma):
    return np.mean((x - mu) ** 2 / (2 * sigma**2)) + 0.5 * np.log(2 * np.pi)


def fit_gaussian(x):
    return np.mean(x), np.mean((x - np.mean(x)) ** 2)


# %% wrong ll-gaussian: the wrong sign
# loses: ll-gaussian-nll
# hint: has the wrong sign
def gaussian_nll(x, mu, sigma):
    return np.mean(-0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi))


def fit_gaussian(x):
    return x.mean(), x.std()


# %% wrong ll-coin: overflows
# loses: ll-coin-stable
# hint: did something overflow
def binary_cross_entropy(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


# %% wrong ll-coin: clips the probability
# loses: ll-coin-stable
# hint: is
def binary_cross_entropy(z, y):
    with np.errstate(over="ignore"):
        p = np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


# %% wrong ll-coin: labels exchanged
# loses: ll-coin-test ll-coin-stable
# hint: labels 0 and 1 are exchanged
def binary_cross_entropy(z, y):
    return np.mean(np.logaddexp(0, z) - z * (1 - y))


# %% wrong ll-huber: the pieces do not meet
# loses: ll-huber-test
# hint: do not meet
def huber(r, delta):
    return np.where(np.abs(r) <= delta, r**2 / 2, delta * np.abs(r))


def huber_slope(r, delta):
    return np.clip(r, -delta, delta)


# %% wrong ll-huber: forgets the sign, and takes the mean
# loses: ll-huber-test ll-huber-slope ll-line-mine
# hint: not their mean
def huber(r, delta):
    return np.where(np.abs(r) <= delta, r**2 / 2, delta * (np.abs(r) - delta / 2)).mean()


def huber_slope(r, delta):
    return np.where(np.abs(r) <= delta, r, delta)


# %% wrong ll-constant: the mean for every loss
# loses: ll-constant-test
# hint: that is the mean
def best_constant(y, loss):
    return y.mean()


# %% wrong ll-constant: the quantile from the wrong end
# loses: ll-constant-test
# hint: the 0.1-quantile
def best_constant(y, loss):
    return {"squared": y.mean(), "absolute": np.median(y), "pinball 0.9": np.quantile(y, 0.1)}[loss]


# %% wrong ll-standard: leakage
# loses: ll-standard-test ll-standard-constant
# hint: leakage
def standardized(train, test):
    both = np.concatenate([train, test])
    mean, std = both.mean(axis=0), both.std(axis=0)
    return (train - mean) / std, (test - mean) / std


# %% wrong ll-standard: the test rows by themselves
# loses: ll-standard-test
# hint: the test rows are scaled by themselves
def standardized(train, test):
    def scaled(a):
        std = a.std(axis=0)
        return (a - a.mean(axis=0)) / np.where(std > 0, std, 1)

    return scaled(train), scaled(test)


# %% wrong ll-standard: divides by zero
# loses: ll-standard-constant
# hint: contains nan
def standardized(train, test):
    mean, std = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / std, (test - mean) / std


# %% wrong ll-line: stops too early
# loses: ll-line-test ll-line-mine
# hint: fit_line with the squared loss
def fit_line(x, y, slope):
    a = c = 0.0
    for _ in range(10):
        g = slope(a * x + c - y)
        a, c = a - 0.1 * (g * x).mean(), c - 0.1 * g.mean()
    return a, c


x, y, _ = measurements(STUDENT)
by_squares, by_huber = (fit_line(x, y, slope) for slope in (lambda r: r, lambda r: huber_slope(r, 1.0)))


# %% wrong ll-line: exchanges slope and intercept
# loses: ll-line-test ll-line-mine
# hint: slope and intercept are exchanged
def fit_line(x, y, slope):
    a = c = 0.0
    for _ in range(2000):
        g = slope(a * x + c - y)
        a, c = a - 0.5 * (g * x).mean(), c - 0.5 * g.mean()
    return c, a


x, y, _ = measurements(STUDENT)
by_squares, by_huber = (fit_line(x, y, slope) for slope in (lambda r: r, lambda r: huber_slope(r, 1.0)))


# %% wrong ll-line: squares for both
# loses: ll-line-mine
# hint: by_huber misses the line
def fit_line(x, y, slope):
    a = c = 0.0
    for _ in range(2000):
        g = slope(a * x + c - y)
        a, c = a - 0.5 * (g * x).mean(), c - 0.5 * g.mean()
    return a, c


x, y, _ = measurements(STUDENT)
by_squares = by_huber = fit_line(x, y, lambda r: r)


# %% right ll-gaussian: by the logarithm of the density, and moments
def gaussian_nll(x, mu, sigma):
    density = np.exp(-((x - mu) ** 2) / (2 * sigma**2)) / (sigma * (2 * np.pi) ** 0.5)
    return -np.log(density).sum() / len(x)


def fit_gaussian(x):
    mean = sum(x) / len(x)
    return mean, (np.dot(x, x) / len(x) - mean**2) ** 0.5


# %% right ll-coin: logaddexp
def binary_cross_entropy(z, y):
    return np.logaddexp(0, np.where(y == 1, -z, z)).mean()


# %% right ll-constant: tries every number that occurs
def best_constant(y, loss):
    def cost(c):
        r = y - c
        return {"squared": r**2, "absolute": abs(r), "pinball 0.9": np.maximum(0.9 * r, -0.1 * r)}[loss].mean()

    return min([y.mean(), *y], key=cost)


# %% right ll-line: another rate, with momentum
def fit_line(x, y, slope):
    p, v, features = np.zeros(2), np.zeros(2), np.stack([x, np.ones_like(x)])
    for _ in range(3000):
        v = 0.9 * v - 0.02 * features @ slope(p @ features - y) / len(x)
        p = p + v
    return list(p)


x, y, _ = measurements(STUDENT)
by_squares, by_huber = (fit_line(x, y, slope) for slope in (lambda r: r, lambda r: np.clip(r, -1, 1)))
