"""Solutions of 03-backpropagation as students write them: wrong ones and what they must lose, and other right ones."""


# %% wrong bp-forward: the first bias is forgotten
# loses: bp-forward-test bp-backward-test
# hint: the first layer's bias is missing
def forward(x, p):
    s = np.tanh(x @ p["w1"].T)
    return s @ p["w2"].T + p["b2"], s


# %% wrong bp-loss: softmax over the batch
# loses: bp-loss-test bp-loss-stable
# hint: this looks like axis 0
def cross_entropy(z, y):
    e = np.exp(z - z.max(axis=0))
    return -np.log(e / e.sum(axis=0))[np.arange(len(y)), y].mean()


# %% wrong bp-loss: overflow
# loses: bp-loss-stable
# hint: did something overflow
def cross_entropy(z, y):
    e = np.exp(z)
    return -np.log(e / e.sum(axis=1, keepdims=True))[np.arange(len(y)), y].mean()


# %% wrong bp-loss: the wrong sign
# loses: bp-loss-test bp-loss-stable
# hint: has the wrong sign
def cross_entropy(z, y):
    shifted = z - z.max(axis=1, keepdims=True)
    return (shifted[np.arange(len(y)), y] - np.log(np.exp(shifted).sum(axis=1))).mean()


# %% wrong bp-loss: changes the caller's logits
# loses: bp-loss-test bp-loss-stable
# hint: changes the array number 1
def cross_entropy(z, y):
    z -= z.max(axis=1, keepdims=True)
    return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


# %% wrong bp-top: not divided by the length of the batch
# loses: bp-top-test
# hint: divide by its length
def cross_entropy_gradient(z, y):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) - np.eye(z.shape[1])[y]


# %% wrong bp-top: minus the gradient
# loses: bp-top-test
# hint: has the wrong sign
def cross_entropy_gradient(z, y):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return (np.eye(z.shape[1])[y] - e / e.sum(axis=1, keepdims=True)) / len(y)


# %% wrong bp-linear: the bias gets the mean
# loses: bp-linear-b
# hint: add the gradients up
def linear_backward(g, x, w):
    return g @ w, g.T @ x, g.mean(axis=0)


# %% wrong bp-linear: the weight's gradient is transposed
# loses: bp-linear-w
# hint: is transposed
def linear_backward(g, x, w):
    return g @ w, x.T @ g, g.sum(axis=0)


# %% wrong bp-linear: no bias gradient
# loses: bp-linear-b
# hint: is None
def linear_backward(g, x, w):
    return g @ w, g.T @ x, None


# %% wrong bp-linear: the bias is summed over the wrong axis
# loses: bp-linear-b
# hint: axis
def linear_backward(g, x, w):
    return g @ w, g.T @ x, g.sum(axis=1)


# %% wrong bp-backward: the derivative of tanh is forgotten
# loses: bp-backward-test
# hint: the gradient of b1
def backward(x, y, p):
    z, s = forward(x, p)
    g, gw2, gb2 = linear_backward(cross_entropy_gradient(z, y), s, p["w2"])
    _, gw1, gb1 = linear_backward(g, x, p["w1"])
    return cross_entropy(z, y), {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# %% wrong bp-backward: left to the library
# loses: bp-backward-test
# hint: write this one yourself
def backward(x, y, p):
    t = {name: dlkit.tensor(value, requires_grad=True) for name, value in p.items()}
    z = F.linear(dlkit.tanh(F.linear(dlkit.tensor(x), t["w1"], t["b1"])), t["w2"], t["b2"])
    loss = F.cross_entropy(z, dlkit.tensor(y))
    loss.backward()
    return loss.item(), {name: value.grad.numpy() for name, value in t.items()}


# %% wrong bp-culprit: looked at positive u only, and took the first
# loses: bp-culprit-test
# hint: right everywhere
culprit = int(
    np.flatnonzero(
        [np.allclose(g(np.full(1, -2.0)), 2 * np.logaddexp(0, -2.0) / (1 + np.exp(2.0))) for g in colleagues(STUDENT)]
    )[0]
)


# %% wrong bp-train: climbs
# loses: bp-train-test
# hint: over 95 % are wanted
def train(x, y):
    rng = np.random.default_rng(0)
    p = {"w1": rng.normal(size=(16, 64)) / 8, "b1": np.zeros(16), "w2": rng.normal(size=(2, 16)) / 4, "b2": np.zeros(2)}
    for _ in range(300):
        gradients = backward(x, y, p)[1]
        p = {name: p[name] + 0.5 * gradients[name] for name in p}
    return p


# %% wrong bp-train: starts from zero, so that all hidden units stay equal
# loses: bp-train-test
# hint: over 95 % are wanted
def train(x, y):
    p = {"w1": np.zeros((16, 64)), "b1": np.zeros(16), "w2": np.zeros((2, 16)), "b2": np.zeros(2)}
    for _ in range(300):
        gradients = backward(x, y, p)[1]
        p = {name: p[name] - 0.5 * gradients[name] for name in p}
    return p


# %% wrong bp-train: trains on the test pictures
# loses: bp-train-test
# hint: did train look at them
def train(x, y):
    x, y = share(STUDENT)[1]
    rng = np.random.default_rng(0)
    p = {"w1": rng.normal(size=(16, 64)) / 8, "b1": np.zeros(16), "w2": rng.normal(size=(2, 16)) / 4, "b2": np.zeros(2)}
    for _ in range(300):
        gradients = backward(x, y, p)[1]
        p = {name: p[name] - 0.5 * gradients[name] for name in p}
    return p


# %% wrong bp-student: did not say who they are
# loses: bp-culprit-test bp-train-test
# hint: who are you
STUDENT = "your student number"


# %% right bp-loss: scipy's logsumexp
def cross_entropy(z, y):
    from scipy.special import logsumexp

    return np.mean([logsumexp(row) - row[label] for row, label in zip(z, y)])


# %% right bp-linear: loops over the examples
def linear_backward(g, x, w):
    gx, gw, gb = np.zeros(x.shape), np.zeros(w.shape), np.zeros(len(w))
    for i in range(len(x)):
        gx[i] = w.T @ g[i]
        gw += np.outer(g[i], x[i])
        gb += g[i]
    return gx, gw, gb


# %% right bp-top: one-hot labels and einsum
def cross_entropy_gradient(z, y):
    one_hot = (y[:, None] == np.arange(z.shape[1])).astype(float)
    shifted = np.exp(z - np.max(z))
    return (np.einsum("nk,n->nk", shifted, 1 / shifted.sum(1)) - one_hot) / z.shape[0]


# %% right bp-forward: keeps more, and returns a list
def forward(x, p):
    a = np.einsum("nd,hd->nh", x, p["w1"]) + p["b1"][None]
    e = np.exp(-2 * np.abs(a))
    s = np.sign(a) * (1 - e) / (1 + e)
    return [(p["w2"] @ s.T).T + p["b2"], s]
