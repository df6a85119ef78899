"""Solutions of 07-convolution as students write them: wrong ones and what they must lose, and other right ones."""


# %% wrong cv-size: padding on one side
# loses: cv-size-test
# hint: padded at both ends
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return (n + padding - dilation * (kernel - 1) - 1) // stride + 1


# %% wrong cv-size: off by one
# loses: cv-size-test
# hint: counted from 0
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride


# %% wrong cv-size: forgets the dilation
# loses: cv-size-test
# hint: a kernel of k pixels covers
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - kernel) // stride + 1


# %% wrong cv-forward: flips the kernel
# loses: cv-forward-plain cv-forward-padding cv-forward-stride
# hint: the kernel is flipped
def conv2d(x, w, b, stride=1, padding=0):
    w = w[:, :, ::-1, ::-1]
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijpq,fcpq->nfij", patches, w) + b[:, None, None]


# %% wrong cv-forward: no bias
# loses: cv-forward-plain cv-forward-padding cv-forward-stride
# hint: the bias is missing
def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijpq,fcpq->nfij", patches, w)


# %% wrong cv-forward: pads at the top and left only
# loses: cv-forward-padding cv-forward-stride
# hint: belong on all four sides
def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (2 * padding, 0), (2 * padding, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijpq,fcpq->nfij", patches, w) + b[:, None, None]


# %% wrong cv-forward: the stride changes the size only
# loses: cv-forward-stride
# hint: the kernel moves by 1
def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    rows, columns = ((a + stride - 1) // stride for a in patches.shape[2:4])
    return np.einsum("ncijpq,fcpq->nfij", patches[:, :, :rows, :columns], w) + b[:, None, None]


# %% wrong cv-forward: changes the caller's kernels
# loses: cv-forward-plain cv-forward-padding cv-forward-stride
# hint: changes the array number 2
def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    w *= 2
    return np.einsum("ncijpq,fcpq->nfij", patches, w / 2) + b[:, None, None]


# %% wrong cv-backward: the kernel is not turned
# loses: cv-backward-x
# hint: turned by 180°
def conv2d_backward(g, x, w):
    view, (kh, kw) = np.lib.stride_tricks.sliding_window_view, w.shape[2:]
    full = np.pad(g, ((0, 0), (0, 0), (kh - 1,) * 2, (kw - 1,) * 2))
    gx = np.einsum("nfijpq,fcpq->ncij", view(full, (kh, kw), axis=(2, 3)), w)
    return gx, np.einsum("ncpqij,nfij->fcpq", view(x, g.shape[2:], axis=(2, 3)), g), g.sum(axis=(0, 2, 3))


# %% wrong cv-backward: the last picture overwrites the others
# loses: cv-backward-w
# hint: the last picture only
def conv2d_backward(g, x, w):
    view, (kh, kw) = np.lib.stride_tricks.sliding_window_view, w.shape[2:]
    full = np.pad(g, ((0, 0), (0, 0), (kh - 1,) * 2, (kw - 1,) * 2))
    gx = np.einsum("nfijpq,fcpq->ncij", view(full, (kh, kw), axis=(2, 3)), w[:, :, ::-1, ::-1])
    for one, its in zip(x, g):
        gw = np.einsum("cpqij,fij->fcpq", view(one, g.shape[2:], axis=(1, 2)), its)
    return gx, gw, g.sum(axis=(0, 2, 3))


# %% wrong cv-backward: the bias gets a mean
# loses: cv-backward-b
# hint: the mean instead of the sum
def conv2d_backward(g, x, w):
    view, (kh, kw) = np.lib.stride_tricks.sliding_window_view, w.shape[2:]
    full = np.pad(g, ((0, 0), (0, 0), (kh - 1,) * 2, (kw - 1,) * 2))
    gx = np.einsum("nfijpq,fcpq->ncij", view(full, (kh, kw), axis=(2, 3)), w[:, :, ::-1, ::-1])
    return gx, np.einsum("ncpqij,nfij->fcpq", view(x, g.shape[2:], axis=(2, 3)), g), g.mean(axis=(0, 2, 3))


# %% wrong cv-pool: the maximum starts at zero
# loses: cv-pool-forward
# hint: is wrong
def max_pool(x):
    n, c, h, width = x.shape
    out = np.zeros((n, c, h // 2, width // 2))
    for i in range(2):
        for j in range(2):
            out = np.maximum(out, x[:, :, i::2, j::2])
    return out


def max_pool_backward(g, x):
    g, largest = (a.repeat(2, axis=2).repeat(2, axis=3) for a in (g, max_pool(x)))
    return g * (x == largest)


# %% wrong cv-pool: the gradient goes to all four
# loses: cv-pool-backward
# hint: not all four
def max_pool(x):
    n, c, h, width = x.shape
    return x.reshape(n, c, h // 2, 2, width // 2, 2).max(axis=(3, 5))


def max_pool_backward(g, x):
    return g.repeat(2, axis=2).repeat(2, axis=3)


# %% wrong cv-commutes: does not shift the output
# loses: cv-commutes-test
# hint: got False, expected True
def commutes(layer, shift):
    x = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    return np.allclose(layer(np.roll(x, shift, axis=3)), layer(x))


# %% wrong cv-commutes: tries a constant picture
# loses: cv-commutes-test
# hint: expected
def commutes(layer, shift):
    x = np.ones((1, 1, 16, 16))
    out = layer(x)
    return np.allclose(layer(np.roll(x, shift, axis=3)), np.roll(out, shift * out.shape[3] // 16, axis=3))


# %% wrong cv-kernel: looks for a flipped kernel
# loses: cv-kernel-test
# hint: turned by 180°
def find_kernel(before, after):
    patches = np.lib.stride_tricks.sliding_window_view(before[:, 0], (3, 3), axis=(1, 2))[..., ::-1, ::-1]
    return np.linalg.lstsq(patches.reshape(-1, 9), after.ravel(), rcond=None)[0].reshape(3, 3)


# %% wrong cv-count: no biases, and the strides do not reach the field
# loses: cv-count-test
# hint: the biases are missing
side, channels, layers = my_network(STUDENT)
parameters = multiplications = 0
field = 1
for kernels, k, stride in layers:
    side = (side - k) // stride + 1
    parameters += kernels * channels * k * k
    multiplications += side * side * kernels * channels * k * k
    field, channels = field + k - 1, kernels


# %% wrong cv-student: did not say who they are
# loses: cv-count-test
# hint: who are you
STUDENT = "your student number"


# %% right cv-forward: windows and einsum
def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    patches = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijpq,fcpq->nfij", patches, w) + b[:, None, None]


# %% right cv-forward: seven loops
def conv2d(x, w, b, stride=1, padding=0):
    n, c, h, width = x.shape
    o, _, kh, kw = w.shape
    rows, columns = (h + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    out = [[[[b[f] for _ in range(columns)] for _ in range(rows)] for f in range(o)] for _ in range(n)]
    for m in range(n):
        for f in range(o):
            for i in range(rows):
                for j in range(columns):
                    for ch in range(c):
                        for p in range(kh):
                            for q in range(kw):
                                r, s = i * stride + p - padding, j * stride + q - padding
                                if 0 <= r < h and 0 <= s < width:
                                    out[m][f][i][j] += w[f, ch, p, q] * x[m, ch, r, s]
    return np.array(out)


# %% right cv-backward: two more convolutions
def conv2d_backward(g, x, w):
    view, (kh, kw) = np.lib.stride_tricks.sliding_window_view, w.shape[2:]
    full = np.pad(g, ((0, 0), (0, 0), (kh - 1,) * 2, (kw - 1,) * 2))
    gx = np.einsum("nfijpq,fcpq->ncij", view(full, (kh, kw), axis=(2, 3)), w[:, :, ::-1, ::-1])
    return gx, np.einsum("ncpqij,nfij->fcpq", view(x, g.shape[2:], axis=(2, 3)), g), np.einsum("nfij->f", g)


# %% right cv-pool: four slices
def max_pool(x):
    slices = [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return np.max(slices, axis=0)


def max_pool_backward(g, x):
    gx, corners = np.zeros_like(x), [(i, j) for i in (0, 1) for j in (0, 1)]
    which = np.argmax([x[:, :, i::2, j::2] for i, j in corners], axis=0)
    for k, (i, j) in enumerate(corners):
        gx[:, :, i::2, j::2] = g * (which == k)
    return gx
