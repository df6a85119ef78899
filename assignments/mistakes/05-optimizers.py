"""Solutions of 05-optimizers as students write them: wrong ones, what they lose, and right ones."""


# %% wrong io-init: the variance as standard deviation
# loses: io-init-test
# hint: rng.normal wants the standard deviation
def xavier(fan_in, fan_out, rng):
    return rng.normal(0, 2 / (fan_in + fan_out), (fan_out, fan_in))


def he(fan_in, fan_out, rng):
    return rng.normal(0, 2 / fan_in, (fan_out, fan_in))


# %% wrong io-init: uniform without the root of 3
# loses: io-init-test
# hint: have variance s²/3
def xavier(fan_in, fan_out, rng):
    s = np.sqrt(2 / (fan_in + fan_out))
    return rng.uniform(-s, s, (fan_out, fan_in))


def he(fan_in, fan_out, rng):
    s = np.sqrt(2 / fan_in)
    return rng.uniform(-s, s, (fan_out, fan_in))


# %% wrong io-init: transposed
# loses: io-init-test
# hint: expected (fan_out, fan_in)
def xavier(fan_in, fan_out, rng):
    return rng.normal(0, np.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))


def he(fan_in, fan_out, rng):
    return rng.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out))


# %% wrong io-growth: forgets the ReLU, adds layers
# loses: io-growth-test
# hint: ReLU lets half of it pass
def growth(std, width):
    return width * std**2


def after(std, width, layers):
    return layers * growth(std, width)


# %% wrong io-growth: layers add up
# loses: io-growth-test
# hint: factors multiply
def growth(std, width):
    return 0.5 * width * std**2


def after(std, width, layers):
    return layers * growth(std, width)


# %% wrong io-momentum: damps the new gradient
# loses: io-momentum-test
# hint: damped by 1 - mu
def momentum_step(w, v, g, rate, mu):
    v = mu * v + (1 - mu) * g
    return w - rate * v, v


# %% wrong io-momentum: forgets to return the new velocity
# loses: io-momentum-test
# hint: the velocity is not used
def momentum_step(w, v, g, rate, mu):
    return w - rate * (mu * v + g), v


# %% wrong io-momentum: uphill
# loses: io-momentum-test
# hint: uphill
def momentum_step(w, v, g, rate, mu):
    v = mu * v + g
    return w + rate * v, v


# %% wrong io-adam: no bias correction
# loses: io-adam-first io-adam-path
# hint: neither m nor s is corrected
def adam_step(w, state, g, rate=0.001):
    m = 0.9 * state.get("m", 0) + 0.1 * g
    s = 0.999 * state.get("s", 0) + 0.001 * g**2
    return w - rate * m / (np.sqrt(s) + 1e-8), {"m": m, "s": s, "t": state.get("t", 0) + 1}


# %% wrong io-adam: epsilon under the root
# loses: io-adam-path
# hint: not under it
def adam_step(w, state, g, rate=0.001):
    t = state.get("t", 0) + 1
    m = 0.9 * state.get("m", 0) + 0.1 * g
    s = 0.999 * state.get("s", 0) + 0.001 * g**2
    return w - rate * m / (1 - 0.9**t) / np.sqrt(s / (1 - 0.999**t) + 1e-8), {"m": m, "s": s, "t": t}


# %% wrong io-adam: the count of steps stays
# loses: io-adam-path
# hint: w after twelve steps
def adam_step(w, state, g, rate=0.001):
    t = 1
    m = 0.9 * state.get("m", 0) + 0.1 * g
    s = 0.999 * state.get("s", 0) + 0.001 * g**2
    return w - rate * m / (1 - 0.9**t) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8), {"m": m, "s": s, "t": t}


# %% wrong io-schedule: the cosine counts from the first step
# loses: io-schedule-test
# hint: the cosine counts from step 0
def rate_at(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * (1 + np.cos(np.pi * step / total)) / 2


# %% wrong io-schedule: one step ahead
# loses: io-schedule-test
# hint: one step ahead
def rate_at(step, total, peak, warmup):
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (1 + np.cos(np.pi * (step - warmup) / (total - warmup))) / 2


# %% wrong io-valley: 1 over the largest curvature
# loses: io-valley-test
# hint: it still converges
curvature = np.linalg.eigvalsh(valley(STUDENT))
limit = best = 1 / curvature[-1]
factor = 1 - best * curvature[0]


# %% wrong io-choose: the best single run
# loses: io-choose-test
# hint: one lucky seed
def choose(rates, score):
    best = [np.min([score(rate, seed) for seed in (0, 1, 2)]) for rate in rates]
    return rates[int(np.argmin([b if np.isfinite(b) else np.inf for b in best]))]


# %% wrong io-choose: leaves failed runs out of the mean
# loses: io-choose-test
# hint: a rate with a run that failed is out
def choose(rates, score):
    return min(rates, key=lambda rate: np.nanmean([score(rate, seed) for seed in (0, 1, 2)]))


# %% wrong io-student: did not say who they are
# loses: io-valley-test
# hint: who are you
STUDENT = "your student number"


# %% right io-init: uniform
def xavier(fan_in, fan_out, rng):
    s = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-s, s, size=(fan_out, fan_in))


def he(fan_in, fan_out, rng):
    return (2 * rng.random((fan_out, fan_in)) - 1) * np.sqrt(6 / fan_in)


# %% right io-adam: the bias correction in the rate, loops over the numbers
def adam_step(w, state, g, rate=0.001):
    old = state or {"m": np.zeros(len(w)), "s": np.zeros(len(w)), "t": 0}
    t, new = old["t"] + 1, w.copy()
    m, s = old["m"].copy(), old["s"].copy()
    for k in range(len(w)):
        m[k] += 0.1 * (g[k] - m[k])
        s[k] += 0.001 * (g[k] * g[k] - s[k])
        new[k] -= rate / (1 - 0.9**t) * m[k] / ((s[k] / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return new, {"t": t, "s": s, "m": m}


# %% right io-schedule: by sine squared
def rate_at(step, total, peak, warmup):
    if warmup and step <= warmup:
        return step / warmup * peak
    return peak * np.sin(np.pi / 2 * (total - step) / (total - warmup)) ** 2


# %% right io-choose: a loop
def choose(rates, score):
    best, least = None, np.inf
    for rate in rates:
        losses = [score(rate, seed) for seed in range(3)]
        if all(np.isfinite(losses)) and sum(losses) < least:
            best, least = rate, sum(losses)
    return best


# %% right io-valley: by trial
def slowest(rate):
    return np.abs(np.linalg.eigvalsh(np.eye(3) - rate * valley(STUDENT))).max()


a, b = 1e-6, 100.0
for _ in range(200):
    a, b = (a, (a + b) / 2) if slowest((a + b) / 2) > 1 else ((a + b) / 2, b)
limit = (a + b) / 2
a, b = 0.0, limit
for _ in range(300):
    p, q = a + (b - a) / 3, b - (b - a) / 3
    a, b = (a, q) if slowest(p) < slowest(q) else (p, b)
best = (a + b) / 2
factor = slowest(best)
