"""Solutions of 04-autograd as students write them: wrong ones and what they must lose, and other right ones."""


# %% wrong ag-operations: tanh forgets what comes from above
# loses: ag-operations-test ag-gradient-test ag-fit-test
# hint: times the gradient that comes from above
def add(a, b):
    return Var(a.data + b.data, [(a, lambda g: g), (b, lambda g: g)])


def tanh(a):
    return Var(np.tanh(a.data), [(a, lambda g: 1 - np.tanh(a.data) ** 2)])


def power(a, n):
    return Var(a.data**n, [(a, lambda g: g * n * a.data ** (n - 1))])


# %% wrong ag-operations: the exponent does not fall
# loses: ag-operations-test ag-fit-test
# hint: the exponent falls by one
def add(a, b):
    return Var(a.data + b.data, [(a, lambda g: g), (b, lambda g: g)])


def tanh(a):
    return Var(np.tanh(a.data), [(a, lambda g: g * (1 - np.tanh(a.data) ** 2))])


def power(a, n):
    return Var(a.data**n, [(a, lambda g: g * n * a.data**n)])


# %% wrong ag-order: breadth first
# loses: ag-order-test ag-order-deep
# hint: a node comes before one of its parents
def ordered(root):
    order, queue, seen = [], [root], {id(root)}
    while queue:
        node = queue.pop(0)
        order.append(node)
        for parent, _ in node.parents:
            if id(parent) not in seen:
                seen.add(id(parent))
                queue.append(parent)
    return order[::-1]


# %% wrong ag-order: every way to a node is listed
# loses: ag-order-test ag-order-deep
# hint: a node is in it twice
def ordered(root):
    order, stack = [], [root]
    while stack and len(order) < 20000:
        node = stack.pop()
        order.append(node)
        stack += [parent for parent, _ in node.parents]
    return order[::-1]


# %% wrong ag-order: recursion
# loses: ag-order-deep
# hint: too deep for recursion
def ordered(root):
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for parent, _ in node.parents:
                visit(parent)
            order.append(node)

    visit(root)
    return order


# %% wrong ag-backward: overwrites
# loses: ag-backward-shared
# hint: must be added
def backward(root):
    root.grad = np.ones_like(root.data)
    for node in reversed(ordered(root)):
        for parent, pull in node.parents:
            parent.grad = pull(node.grad)


# %% wrong ag-backward: adds to the last run's gradients
# loses: ag-backward-shared ag-fit-test
# hint: the gradients of the first run are still in it
def backward(root):
    order = ordered(root)
    for node in order:
        if node.grad is None or node.parents:
            node.grad = np.zeros_like(node.data)
    root.grad = np.ones_like(root.data)
    for node in reversed(order):
        for parent, pull in node.parents:
            parent.grad = parent.grad + pull(node.grad)


# %% wrong ag-backward: goes up instead of down
# loses: ag-backward-chain ag-backward-shared ag-gradient-test ag-fit-test
# hint: x.grad of x·y·z
def backward(root):
    order = ordered(root)
    for node in order:
        node.grad = np.zeros_like(node.data)
    root.grad = np.ones_like(root.data)
    for node in order:
        for parent, pull in node.parents:
            parent.grad = parent.grad + pull(node.grad)


# %% wrong ag-unbroadcast: averages
# loses: ag-unbroadcast-test ag-gradient-test
# hint: do not average
def unbroadcast(g, shape):
    g = g.mean(axis=tuple(range(g.ndim - len(shape))))
    return g.mean(axis=tuple(k for k, n in enumerate(shape) if n == 1 and g.shape[k] != 1), keepdims=True)


# %% wrong ag-unbroadcast: new axes only
# loses: ag-unbroadcast-test
# hint: unbroadcast of (5, 3) to (5, 1)
def unbroadcast(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


# %% wrong ag-arrays: nothing is added up for the bias
# loses: ag-plus-test ag-gradient-test ag-fit-test
# hint: this is still the stretched gradient
def plus(a, b):
    return Var(a.data + b.data, [(a, lambda g: g), (b, lambda g: g)])


def matmul(a, b):
    return Var(a.data @ b.data, [(a, lambda g: g @ b.data.T), (b, lambda g: a.data.T @ g)])


def mean(a):
    return Var(a.data.mean(), [(a, lambda g: np.full(a.data.shape, g / a.data.size))])


# %% wrong ag-arrays: the order of the factors
# loses: ag-matmul-test ag-gradient-test ag-fit-test
# hint: the order of the factors
def plus(a, b):
    return Var(a.data + b.data, [(p, lambda g, p=p: unbroadcast(g, p.data.shape)) for p in (a, b)])


def matmul(a, b):
    return Var(a.data @ b.data, [(a, lambda g: b.data.T @ g), (b, lambda g: g @ a.data.T)])


def mean(a):
    return Var(a.data.mean(), [(a, lambda g: np.full(a.data.shape, g / a.data.size))])


# %% wrong ag-arrays: the mean's gradient is that of a sum
# loses: ag-mean-test ag-gradient-test ag-fit-test
# hint: a share of 1 / count
def plus(a, b):
    return Var(a.data + b.data, [(p, lambda g, p=p: unbroadcast(g, p.data.shape)) for p in (a, b)])


def matmul(a, b):
    return Var(a.data @ b.data, [(a, lambda g: g @ b.data.T), (b, lambda g: a.data.T @ g)])


def mean(a):
    return Var(a.data.mean(), [(a, lambda g: np.full(a.data.shape, g))])


# %% wrong ag-network: no tanh
# loses: ag-gradient-test ag-fit-test
# hint: network(x, p).data
def network(x, p):
    w1, b1, w2, b2 = p
    return plus(matmul(plus(matmul(x, w1), b1), w2), b2)


def fit(x, y):
    rng = np.random.default_rng(0)
    p = [Var(rng.normal(size=s)) for s in ((2, 8), (8,), (8, 1), (1,))]
    for _ in range(500):
        backward(mean(power(plus(network(Var(x), p), Var(-y)), 2)))
        for v in p:
            v.data = v.data - 0.01 * v.grad
    return p


# %% right ag-order: counts how often a node is still awaited
def ordered(root):
    waiting, stack = {id(root): 0}, [root]
    while stack:
        for parent, _ in stack.pop().parents:
            if id(parent) not in waiting:
                waiting[id(parent)] = 0
                stack.append(parent)
            waiting[id(parent)] += 1
    order, ready = [], [root]
    while ready:
        node = ready.pop()
        order.append(node)
        for parent, _ in node.parents:
            waiting[id(parent)] -= 1
            if not waiting[id(parent)]:
                ready.append(parent)
    return order[::-1]


# %% right ag-backward: gradients in a dictionary first
def backward(root):
    grads, order = {id(root): np.ones(root.data.shape)}, ordered(root)
    for node in order[::-1]:
        node.grad = grads[id(node)]
        for parent, pull in node.parents:
            grads[id(parent)] = grads.get(id(parent), 0) + pull(node.grad)


# %% right ag-unbroadcast: one axis after the other
def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=axis, keepdims=True)
    return np.asarray(g)


# %% right ag-operations: named functions
def add(a, b):
    def pull(g):
        return np.array(g)

    return Var(np.add(a.data, b.data), ((a, pull), (b, pull)))


def tanh(a):
    out = Var(1 - 2 / (np.exp(2 * a.data) + 1))
    out.parents.append((a, lambda g: g * (1 - out.data * out.data)))
    return out


def power(a, n):
    if n == 2:
        return multiply(a, a)
    return Var(a.data**n, [(a, lambda g: g * (n * a.data ** (n - 1)))])
