"""Solutions of 01-perceptron as students write them: wrong ones and what they must lose, and other right ones."""


# %% wrong pc-unit: classes 0 and 1, and no distance yet
# loses: pc-decide pc-distance
# hint: not 1 and 0
def decide(x, w, b):
    return (x @ w + b >= 0).astype(int)


def distance(x, w, b):
    return x @ w + b


# %% wrong pc-unit: sign
# loses: pc-decide
# hint: np.sign gives 0 there
def decide(x, w, b):
    return np.sign(x @ w + b)


def distance(x, w, b):
    return (x @ w + b) / np.sqrt(w @ w)


# %% wrong pc-unit: a threshold for a bias, and no sign
# loses: pc-decide pc-distance
# hint: a bias is added
def decide(x, w, b):
    return np.where(x @ w >= b, 1, -1)


def distance(x, w, b):
    return np.abs(x @ w + b) / np.linalg.norm(w)


# %% wrong pc-hebb: averages
# loses: pc-hebb-test
# hint: it does not average
def hebb(x, t, rate=1.0):
    return rate * (t[:, None] * x).mean(axis=0), rate * t.mean()


# %% wrong pc-hebb: the bias stays 0
# loses: pc-hebb-test
# hint: the bias learns, too
def hebb(x, t, rate=1.0):
    return rate * t @ x, 0.0


# %% wrong pc-rosenblatt: learns from right answers
# loses: pc-rosenblatt-steps pc-rosenblatt-stops
# hint: corrections after right answers
def perceptron(x, t, epochs=1000):
    w, b, corrections = np.zeros(x.shape[1]), 0.0, 0
    for _ in range(min(epochs, 50)):
        for row, target in zip(x, t):
            w, b, corrections = w + target * row, b + target, corrections + 1
    return w, b, corrections


# %% wrong pc-rosenblatt: the bias never learns
# loses: pc-rosenblatt-steps pc-rosenblatt-stops
# hint: perceptron(x, t, 4)
def perceptron(x, t, epochs=1000):
    w, corrections = np.zeros(x.shape[1]), 0
    for _ in range(epochs):
        before = corrections
        for row, target in zip(x, t):
            if (1 if row @ w >= 0 else -1) != target:
                w, corrections = w + target * row, corrections + 1
        if corrections == before:
            break
    return w, 0.0, corrections


# %% wrong pc-rosenblatt: counts passes
# loses: pc-rosenblatt-steps pc-rosenblatt-stops
# hint: count corrections, not passes
def perceptron(x, t, epochs=1000):
    w, b, passes, wrong = np.zeros(x.shape[1]), 0.0, 0, True
    while wrong and passes < epochs:
        wrong, passes = False, passes + 1
        for row, target in zip(x, t):
            if (1 if row @ w + b >= 0 else -1) != target:
                w, b, wrong = w + target * row, b + target, True
    return w, b, passes


# %% wrong pc-theorem: forgets the 1 and the length of the line
# loses: pc-theorem-test
# hint: the 1 included
x, t = clouds(STUDENT)
radius = np.linalg.norm(x, axis=1).max()
margin = (t * (x @ LINE[:2] + LINE[2])).min()
bound = (radius / margin) ** 2
corrections, centered = replay(x, t, 5000)[1], replay(x - x.mean(axis=0), t, 5000)[1]


# %% wrong pc-theorem: the bound is not squared
# loses: pc-theorem-test
# hint: squared
x, t = clouds(STUDENT)
x1 = np.column_stack([x, np.ones(len(x))])
radius = np.linalg.norm(x1, axis=1).max()
margin = (t * (x1 @ LINE)).min() / np.linalg.norm(LINE)
bound = radius / margin
corrections, centered = replay(x, t, 5000)[1], replay(x - x.mean(axis=0), t, 5000)[1]


# %% wrong pc-xor: says that nothing works, and builds OR
# loses: pc-one-unit pc-xor-test
# hint: 14 of the 16
def one_unit(truth):
    return None


xor_units = [(np.array([1.0, 1.0]), -0.5), (np.array([1.0, 1.0]), -0.5), (np.array([1.0, 1.0]), 0.0)]


# %% wrong pc-xor: returns the last weights whether they work or not
# loses: pc-one-unit
# hint: return None
def one_unit(truth):
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return perceptron(corners, np.array(truth), 200)[:2]


xor_units = [([1, 1], -0.5), ([-1, -1], 1.5), ([1, 1], -1.5)]


# %% wrong pc-student: did not say who they are
# loses: pc-theorem-test
# hint: who are you
STUDENT = "your student number"


# %% right pc-rosenblatt: the bias as a weight of a dummy input
def perceptron(x, t, epochs=1000):
    rows, v, corrections = np.hstack([x, np.ones((len(x), 1))]), np.zeros(x.shape[1] + 1), 0
    for _ in range(epochs):
        clean = True
        for k in range(len(rows)):
            y = 2 * int(np.dot(rows[k], v) >= 0) - 1
            if y != t[k]:
                v += (t[k] - y) / 2 * rows[k]
                corrections += 1
                clean = False
        if clean:
            break
    return v[:-1], v[-1], corrections


# %% right pc-hebb: a loop
def hebb(x, t, rate=1.0):
    w, b = [0.0] * len(x[0]), 0.0
    for row, target in zip(x, t):
        w = [wi + rate * target * xi for wi, xi in zip(w, row)]
        b += rate * target
    return np.array(w), b


# %% right pc-xor: a search on a grid, and other units
def one_unit(truth):
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    for w1 in (-2, -1, 0, 1, 2):
        for w2 in (-2, -1, 0, 1, 2):
            for b in np.arange(-3, 3.1, 0.5):
                if np.array_equal(np.where(corners @ [w1, w2] + b >= 0, 1, -1), truth):
                    return np.array([w1, w2]), b


xor_units = [(np.array([1.0, -1.0]), -0.5), (np.array([-1.0, 1.0]), -0.5), (np.array([1.0, 1.0]), 1.0)]


# %% right pc-unit: loops
def decide(x, w, b):
    return [1 if sum(xi * wi for xi, wi in zip(row, w)) + b >= 0 else -1 for row in x]


def distance(x, w, b):
    return np.array([np.dot(row, w) + b for row in x]) / (w**2).sum() ** 0.5
