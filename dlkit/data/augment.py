"""Random changes of a batch of images that leave its meaning alone, named as in ``torchvision.transforms.v2``.

A transform is made from its settings and called with images (N, C, H, W), floats in an array or a tensor, and with
whatever belongs to them:

    augment = Compose([RandomAffine(10, translate=(0.1, 0.1)), GaussianNoise(sigma=0.05)])
    images, masks, labels = augment(images, masks, labels)

Every image gets a random draw of its own. A geometric transform moves what else has the height and width of the images
in the same way, by the nearest pixel, so that a label map stays one; all else passes through. Randomness comes from
the argument ``generator`` (a ``numpy.random.Generator``), by default from what ``manual_seed`` seeds. The images
themselves are not changed, and no gradient flows through. All of this happens on the processor, as it does for data
in general; tensors come back as tensors, on their device.
"""

import functools
import inspect
import math

import numpy as np

from .. import creation
from ..autograd import Tensor
from ..backend import asnumpy


def _transform(change):
    """The maker of transforms out of what they do with a random generator, images and the settings given here.

    ``change`` returns new images; or, if it moves them, from which row and column each pixel comes and what fills in.
    """

    signature = inspect.signature(change)
    signature = signature.replace(parameters=[*signature.parameters.values()][2:])

    @functools.wraps(change)
    def make(*args, generator=None, **settings):
        p = signature.bind(*args, **settings).arguments.get("p", 0)
        if not 0 <= p <= 1:
            raise ValueError(f"{change.__name__}: p must be a probability between 0 and 1, got {p}")

        def transform(images, *others):
            x, *rest = (asnumpy(v.data) if isinstance(v, Tensor) else v for v in (images, *others))
            if x.ndim != 4 or x.dtype.kind != "f":
                needs = "expected images (N, C, H, W) of floats"
                raise ValueError(f"{change.__name__}: {needs}, got shape {x.shape} of {x.dtype}")
            result = change(generator or creation.generator(), x, *args, **settings)
            if isinstance(result, tuple):
                along = [getattr(v, "ndim", 0) > 2 and v.shape[-2:] == x.shape[-2:] for v in rest]
                rest = [_resample(v, *map(np.rint, result[:2])) if go else v for go, v in zip(along, rest)]
                result = _resample(x, *result)
            result = result.astype(x.dtype, copy=False), *rest
            result = tuple(Tensor(r) if isinstance(v, Tensor) else r for r, v in zip(result, (images, *others)))
            return result if others else result[0]

        return transform

    make.__signature__ = signature
    return make


class Compose:
    """Transforms, one after the other."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, *values):
        for transform in self.transforms:
            values = transform(*values) if len(values) > 1 else (transform(*values),)
        return values if len(values) > 1 else values[0]


def _resample(images, rows, cols, fill=0):
    """Bilinear values of images (N, ..., H, W), with ``fill`` all around, at the rows and columns (N, h, w)."""
    padded = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(1, 1)] * 2, constant_values=fill)
    *stack, height, width = padded.shape
    flat = padded.reshape(len(images), math.prod(stack[1:]), height * width)
    shape = len(images), 1, math.prod(rows.shape[1:])
    y, x = (np.clip(v + 1, 0, n - 1).reshape(shape) for v, n in ((rows, height), (cols, width)))
    top, left = np.minimum(np.floor(y), height - 2), np.minimum(np.floor(x), width - 2)
    result = 0
    for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        value = np.take_along_axis(flat, (r * width + c).astype(np.int64), 2)
        result = result + (1 - abs(y - r)) * (1 - abs(x - c)) * value
    return result.astype(images.dtype).reshape(*stack, *rows.shape[1:])


def _grid(images):
    """The row and the column of every pixel, both (N, H, W)."""
    n, _, height, width = images.shape
    return np.meshgrid(np.arange(n), np.arange(height), np.arange(width), indexing="ij")[1:]


def _where(images, angle, translate, scale, shear):
    """Where the pixels of ``affine`` come from: its inverse about the centre, applied to the grid."""
    n, _, height, width = images.shape
    values = (np.broadcast_to(np.asarray(v, np.float64), (n,)) for v in (angle, *shear, *translate, scale))
    angle, along, down, right, below, scale = (v[:, None, None] for v in values)
    angle, along, down = np.deg2rad(angle), np.deg2rad(along), np.deg2rad(down)
    a, c = np.cos(angle - down) / np.cos(down), np.sin(angle - down) / np.cos(down)
    b, d = -a * np.tan(along) - np.sin(angle), -c * np.tan(along) + np.cos(angle)  # ad - bc = 1
    rows, cols = _grid(images)
    y, x = rows - (height - 1) / 2 - below, cols - (width - 1) / 2 - right
    return (a * y - c * x) / scale + (height - 1) / 2, (d * x - b * y) / scale + (width - 1) / 2


def affine(images, angle=0.0, translate=(0.0, 0.0), scale=1.0, shear=(0.0, 0.0), fill=0.0):
    """Turned, scaled, sheared and shifted about the centre, as ``torchvision.transforms.functional.affine`` does.

    Parameters
    ----------
    images : array (N, C, H, W)
    angle : number or array (N,)
        Degrees, clockwise.
    translate : pair of numbers or arrays (N,)
        Pixels to the right and down.
    scale : number or array (N,), positive
    shear : pair of numbers or arrays (N,)
        Degrees by which the columns lean to the left, and the rows to the top.
    fill : number
        What comes in from outside.

    Raises
    ------
    ValueError
        If scale is not positive.
    """
    if not (np.asarray(scale) > 0).all():
        raise ValueError(f"affine: scale must be positive, got {scale}")
    return _resample(images, *_where(images, angle, translate, scale, shear), fill)


def _bounds(value, middle=0):
    """A number means middle ± number; a sequence is the bounds themselves."""
    return (middle - value, middle + value) if isinstance(value, int | float) else tuple(value)


@_transform
def RandomAffine(rng, images, degrees, translate=(0, 0), scale=(1, 1), shear=0, fill=0):
    """``affine`` at random: an angle within ± degrees (or between two bounds), a shift by whole pixels of at most
    ``translate``, fractions of the width and of the height, a factor between the two of ``scale``, and a shear within
    ± shear degrees (or between two bounds; four bounds shear the other way too). ``fill`` comes in from outside."""
    n, _, height, width = images.shape
    shift = [np.rint(rng.uniform(-f, f, n)) for f in (translate[0] * width, translate[1] * height)]
    limits = (*_bounds(shear), 0, 0)
    lean = rng.uniform(*limits[:2], n), rng.uniform(*limits[2:4], n)
    return *_where(images, rng.uniform(*_bounds(degrees), n), shift, rng.uniform(*scale, n), lean), fill


@_transform
def RandomRotation(rng, images, degrees, fill=0):
    """A rotation by an angle within ± degrees, or between two bounds, counter-clockwise."""
    return *_where(images, -rng.uniform(*_bounds(degrees), len(images)), (0, 0), 1, (0, 0)), fill


@_transform
def RandomHorizontalFlip(rng, images, p=0.5):
    """Left and right exchanged with probability p."""
    rows, cols = _grid(images)
    return rows, abs((images.shape[3] - 1) * (rng.random((len(images), 1, 1)) < p) - cols)


@_transform
def RandomVerticalFlip(rng, images, p=0.5):
    """Top and bottom exchanged with probability p."""
    rows, cols = _grid(images)
    return abs((images.shape[2] - 1) * (rng.random((len(images), 1, 1)) < p) - rows), cols


@_transform
def RandomCrop(rng, images, size, padding=0, fill=0):
    """A window of size x size pixels, anywhere in the image with ``padding`` pixels of ``fill`` around it."""
    n, _, *lengths = images.shape
    room = [length + 2 * padding - size for length in lengths]
    if min(room) < 0:
        raise ValueError(f"RandomCrop: size {size} does not fit into {lengths} pixels with padding {padding}")
    window = np.arange(size)
    top, left = (rng.integers(0, r + 1, (n, 1, 1)) - padding for r in room)
    return top + window[:, None] + 0 * window, left + window + 0 * window[:, None], fill


@_transform
def ElasticTransform(rng, images, alpha=50.0, sigma=5.0, fill=0):
    """Each pixel fetched from alpha / 2 times a smooth random step away: uniform in ±1, then blurred by sigma pixels.

    Source: Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks, section 2, doi
    10.1109/ICDAR.2003.1227801; alpha is torchvision's, twice theirs.
    """
    n, _, height, width = images.shape
    steps = alpha / 2 * _blur(rng.uniform(-1, 1, (n, 2, height, width)), int(8 * sigma + 1) | 1, sigma)
    rows, cols = _grid(images)
    return rows + steps[:, 1], cols + steps[:, 0], fill


def _blur(images, size, sigma):
    """Images convolved with a Gaussian of size x size taps, mirrored at the border; sigma is a number or (N,)."""
    taps = np.exp(-0.5 * ((np.arange(size) - size // 2) / np.reshape(np.asarray(sigma), (-1, 1))) ** 2)
    taps = (taps / taps.sum(1, keepdims=True)).astype(images.dtype)[:, :, None, None, None]
    for _ in range(2):  # along the rows, then along the columns
        padded = np.pad(images, [(0, 0)] * 3 + [(size // 2,) * 2], mode="reflect")
        images = sum(taps[:, i] * padded[..., i : i + images.shape[3]] for i in range(size)).swapaxes(2, 3)
    return images


@_transform
def GaussianBlur(rng, images, kernel_size, sigma=(0.1, 2.0)):
    """A blur by a Gaussian of an odd number of taps, with a standard deviation between the two of sigma, in pixels."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"GaussianBlur: kernel_size must be odd and positive, got {kernel_size}")
    return _blur(images, kernel_size, rng.uniform(*sigma, len(images)))


@_transform
def GaussianNoise(rng, images, mean=0.0, sigma=0.1, clip=True):
    """Normal noise added to every value; with ``clip``, the result stays in [0, 1]."""
    noisy = images + rng.normal(mean, sigma, images.shape)
    return np.clip(noisy, 0, 1) if clip else noisy


@_transform
def ColorJitter(rng, images, brightness=0, contrast=0, saturation=0):
    """Images in [0, 1], of one channel or three, moved away from black, then from their mean grey, then each pixel
    from its own grey, by factors drawn within 1 ± the value, or between two bounds (below 1 moves towards)."""
    weights = np.array([0.2989, 0.587, 0.114] if images.shape[1] == 3 else [1.0])[:, None, None]  # ITU-R BT.601
    for step, value in enumerate((brightness, contrast, saturation)):
        grey = (weights * images).sum(1, keepdims=True)
        anchor = (0, grey.mean((1, 2, 3), keepdims=True), grey)[step]
        low, high = _bounds(value, 1)
        factor = rng.uniform(max(low, 0), high, (len(images), 1, 1, 1))
        images = np.clip(factor * images + (1 - factor) * anchor, 0, 1)
    return images


@_transform
def RandomGamma(rng, images, gamma=(0.5, 2.0)):
    """Images in [0, 1] raised to a power between two bounds: below 1 brightens, above 1 darkens."""
    return images ** rng.uniform(*gamma, (len(images), 1, 1, 1))


@_transform
def RandomErasing(rng, images, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0):
    """With probability p, a rectangle set to ``value``: its share of the area between the two of ``scale``, its height
    over its width between the two of ``ratio`` (on a logarithmic scale), cut to the size of the image.

    Source: Zhong et al. (2020), Random erasing data augmentation, doi 10.1609/aaai.v34i07.7000. With p=1 and
    ratio=(1, 1) a cutout of DeVries and Taylor (2017), arXiv 1708.04552, that stays inside the image.
    """
    n, _, *lengths = images.shape
    area, shape = rng.uniform(*scale, n) * math.prod(lengths), np.exp(rng.uniform(*map(math.log, ratio), n))
    erase = (rng.random(n) < p)[:, None, None]
    for place, side, length in zip(_grid(images), (area * shape, area / shape), lengths, strict=True):
        side = np.clip(np.rint(np.sqrt(side)), 0, length)
        start = np.floor(rng.random(n) * (length - side + 1))
        erase = erase & (start[:, None, None] <= place) & (place < (start + side)[:, None, None])
    return np.where(erase[:, None], value, images)


@_transform
def Normalize(rng, images, mean, std):
    """(images - mean) / std, with one mean and one standard deviation for each channel."""
    mean, std = (np.reshape(np.asarray(v), (-1, 1, 1)) for v in (mean, std))
    return (images - mean) / std


def mixup(images, labels, alpha=1.0, num_classes=None, generator=None):
    """Each image mixed with another of its batch: a share λ of it and 1 - λ of the other, and so the labels.

    Parameters
    ----------
    images : array or Tensor (N, C, H, W)
    labels : array or Tensor, classes (N,) or shares (N, K)
    alpha : float, positive
        λ ~ Beta(alpha, alpha), drawn for every image.
    num_classes : int
        Needed for classes.
    generator : numpy.random.Generator, optional
        By default what ``manual_seed`` seeds.

    Returns
    -------
    images, shares (N, K) : Tensors
        Shares as ``cross_entropy`` takes them.

    Raises
    ------
    ValueError
        If a class is not in 0 to num_classes - 1, or num_classes is missing.

    Source: Zhang et al. (2018), mixup: beyond empirical risk minimization, arXiv 1710.09412, equation 1.
    """
    images, labels = (asnumpy(v.data) if isinstance(v, Tensor) else v for v in (images, labels))
    if labels.ndim == 1:
        if num_classes is None or not ((0 <= labels) & (labels < num_classes)).all():
            raise ValueError(f"mixup: labels must lie in 0 to num_classes - 1, num_classes is {num_classes}")
        labels = np.eye(num_classes)[labels]
    rng, n = generator or creation.generator(), len(images)
    share, other = rng.beta(alpha, alpha, n), rng.permutation(n)
    shares = [share.reshape(n, *[1] * (v.ndim - 1)) for v in (images, labels)]
    mixed = [s * v + (1 - s) * v[other] for s, v in zip(shares, (images, labels), strict=True)]
    return tuple(Tensor(v.astype(images.dtype, copy=False)) for v in mixed)
