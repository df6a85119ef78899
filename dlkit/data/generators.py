"""Data made to measure: point clouds, cells that touch, scenes of shapes, human silhouettes.

Randomness comes from ``seed``, or from ``generator`` (a ``numpy.random.Generator``), or else from what ``manual_seed``
seeds. Points and images have the default dtype, so that they fit the models made under it; labels are int64. Counts
and sizes that are not positive integers, and negative noise, raise a ValueError.
"""

import math

import numpy as np

from .. import creation
from .augment import _blur

SHAPES = ("circle", "square", "triangle")
DIMENSIONS = ("CC", "H", "I", "LAL", "PC", "RAL", "SW", "WC")


def _source(name, seed, generator, noise, **counts):
    """The random generator to use, once the arguments are known to be right."""
    for argument, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: {argument} must be a positive integer, got {value!r}")
    if noise < 0:
        raise ValueError(f"{name}: noise must not be negative, got {noise}")
    return generator or (creation.generator() if seed is None else np.random.default_rng(seed))


def _cloud(name, n, n_classes, noise, seed, generator, curve):
    """Points of balanced classes in random order: ``curve`` maps the class and two uniform numbers to x and y."""
    rng = _source(name, seed, generator, noise, n=n, n_classes=n_classes)
    labels = rng.permutation(n) % n_classes
    points = np.stack(curve(labels, *rng.random((2, n))), 1) + noise * rng.standard_normal((n, 2))
    return points.astype(creation.get_default_dtype()), labels


def _polar(radius, turns):
    return radius * np.cos(2 * np.pi * turns), radius * np.sin(2 * np.pi * turns)


def two_moons(n=200, noise=0.1, seed=None, generator=None):
    """Two half circles of radius 1 that reach into each other, around (0, 0) and (1, 1/2).

    Returns
    -------
    points : array (n, 2)
        With normal noise of standard deviation ``noise``.
    labels : array (n,), int64
        0 for the upper, 1 for the lower one; half of the points each.
    """

    def curve(k, u, _):
        return k + (1 - 2 * k) * np.cos(np.pi * u), k / 2 + (1 - 2 * k) * np.sin(np.pi * u)

    return _cloud("two_moons", n, 2, noise, seed, generator, curve)


def spirals(n=300, n_classes=3, noise=0.03, turns=0.75, seed=None, generator=None):
    """Arms of ``n_classes`` spirals from the origin out to radius 1, each winding ``turns`` times around it.

    Returns
    -------
    points : array (n, 2)
        With normal noise of standard deviation ``noise``.
    labels : array (n,), int64
        The arm, 0 to n_classes - 1.
    """

    return _cloud("spirals", n, n_classes, noise, seed, generator, lambda k, u, _: _polar(u, k / n_classes + turns * u))


def xor(n=200, noise=0.0, seed=None, generator=None):
    """Points spread evenly over [-1, 1]², with label 1 where the two coordinates differ in sign.

    Returns
    -------
    points : array (n, 2)
        With normal noise of standard deviation ``noise``, added after labelling.
    labels : array (n,), int64
    """
    return _cloud("xor", n, 2, noise, seed, generator, lambda k, u, v: (2 * u - 1, np.sign(u - 0.5) * (1 - 2 * k) * v))


def blobs(n=300, n_classes=3, noise=0.3, seed=None, generator=None):
    """Normal clusters with standard deviation ``noise`` around points evenly spread over the unit circle.

    Returns
    -------
    points : array (n, 2)
    labels : array (n,), int64
    """

    return _cloud("blobs", n, n_classes, noise, seed, generator, lambda k, u, _: _polar(1, k / n_classes))


def _place(rng, radii, size, goal, touching):
    """Centres (N, K, 2) of circles in a square; and their distances from the nearest before them, in sums of radii.

    Of 200 places drawn for a circle it takes the one that is most nearly ``goal`` (N, K) such sums away from the
    others, and may be cut by the border, if ``touching``; else the first that is at least that far away, if any is.
    """
    n, count = radii.shape
    centres, apart = np.full((n, count, 2), np.inf), np.empty((n, count))  # those to come are infinitely far away
    for k in range(count):
        r = radii[:, k, None]
        margin = 0 if touching else r[..., None]
        places = margin + rng.random((n, 200, 2)) * (size - 2 * margin)
        away = np.sqrt(((places[:, :, None] - centres[:, None]) ** 2).sum(3))
        nearest = (away / (r + radii)[:, None]).min(2)
        miss = abs(nearest - goal[:, k, None]) if touching else goal[:, k, None] - nearest
        best = np.arange(n), np.argmin(np.maximum(miss, 0), 1)
        centres[:, k], apart[:, k] = places[best], nearest[best]
    return centres, apart


def _around(centre, size):
    """Coordinates x and y of all pixels (N, size, size) seen from centres (N, 2)."""
    pixels = np.arange(size) + 0.5
    return pixels - centre[:, 0, None, None], (pixels - centre[:, 1, None])[..., None]


def _bell(x, width):
    return np.exp(-0.5 * (x / width) ** 2)


def touching_cells(n=32, size=128, n_cells=12, noise=0.03, seed=None, generator=None):
    """Grey microscope pictures of cells in clumps: bright rims, nuclei, granular insides, blur, uneven light, noise.

    Parameters
    ----------
    n, size, n_cells : int
        Number of images, their height and width, and the most cells in one (at least half as many).
    noise : float
        Standard deviation of the noise of each pixel.

    Returns
    -------
    images : array (n, 1, size, size)
        Grey levels in [0, 1].
    masks : array (n, size, size), int64
        1 inside a cell, 0 outside and on the thin line where two cells touch, so that the cells are separate regions.
    instances : array (n, size, size), int64
        0 outside, else the number of the cell, from 1.
    """
    rng = _source("touching_cells", seed, generator, noise, n=n, size=size, n_cells=n_cells)
    radii = size * rng.uniform(0.07, 0.12, (n, n_cells))
    centres, _ = _place(rng, radii, size, np.where(rng.random((n, n_cells)) < 0.2, 1.3, 0.85), touching=True)
    present = np.arange(n_cells) < rng.integers((n_cells + 1) // 2, n_cells + 1, n)[:, None]
    nearest = second = np.full((n, size, size), 1.0 * size)  # signed distance to the outline, in pixels
    instances, glow, nucleus = np.zeros((n, size, size), np.int64), np.zeros((n, size, size)), 0
    for k in range(n_cells):
        x, y = _around(centres[:, k], size)
        radius, angle = radii[:, k, None, None], np.arctan2(y, x)
        wave, (high, phase) = np.array([1, 2, 3, 5])[:, None, None, None], rng.random((2, 4, n, 1, 1))
        outline = 1 + (0.1 * (0.3 + 0.7 * high) / wave * np.cos(wave * (angle + 7 * phase))).sum(0)
        distance = np.where(present[:, k, None, None], np.hypot(x, y) - radius * outline, size)
        closest = distance < nearest
        second = np.where(closest, nearest, np.minimum(second, distance))
        nearest = np.where(closest, distance, nearest)
        instances = np.where(closest & (distance < 0), k + 1, instances)
        shift, bright = rng.uniform(-0.25, 0.25, (2, n, 1, 1)) * radius, rng.uniform(0.08, 0.2, (n, 1, 1))
        glow = np.where(closest, bright, glow)
        core = 0.5 - 0.5 * np.tanh(0.5 * np.hypot(x - shift[0], y - shift[1]) - 0.2 * radius)
        nucleus = np.where(closest, bright * core, nucleus)
    grain = _blur(rng.standard_normal((n, 2, size, size)), 9, 1.5)
    inside = 0.5 - 0.5 * np.tanh(nearest)
    rim = 0.25 * _bell(nearest - 1, 1.2) * (1 - _bell(second - nearest, 2)) - 0.2 * inside * _bell(second - nearest, 2)
    x, y = _around(rng.uniform(0, size, (n, 2)), size)
    light = 0.35 - 0.1 * np.hypot(x, y) / size + 0.1 * grain[:, 0]
    picture = light + inside * (glow - nucleus + 0.35 * grain[:, 1]) + rim
    images = _blur(picture[:, None], 5, 0.8) + noise * rng.standard_normal((n, 1, size, size))
    masks = ((instances > 0) & (second - nearest > 2)).astype(np.int64)
    return np.clip(images, 0, 1).astype(creation.get_default_dtype()), masks, instances


def scenes_of_shapes(n=100, size=64, max_shapes=4, channels=3, noise=0.03, seed=None, generator=None):
    """Pictures of 1 to ``max_shapes`` circles, squares and triangles that do not overlap, of any size, turn and colour.

    Parameters
    ----------
    n, size : int
        Number of images, their height and width.
    max_shapes : int
    channels : int
        3 for colours, 1 for grey levels.
    noise : float
        Standard deviation of the noise of each value.

    Returns
    -------
    images : array (n, channels, size, size)
        In [0, 1].
    boxes : array (n, max_shapes, 4)
        x1, y1, x2, y2: left, top, right and bottom edge in pixels, the corner of the image being (0, 0).
    classes : array (n, max_shapes), int64
        Position in ``SHAPES``, or -1 where there is no shape (and the box is 0).
    """
    rng = _source("scenes_of_shapes", seed, generator, noise, n=n, size=size, max_shapes=max_shapes, channels=channels)
    radii = size * rng.uniform(0.09, 0.22, (n, max_shapes))
    centres, apart = _place(rng, radii, size, np.ones((n, max_shapes)), touching=False)
    absent = (apart < 1) | (np.arange(max_shapes) >= rng.integers(1, max_shapes + 1, n)[:, None])
    classes = np.where(absent, -1, rng.integers(0, len(SHAPES), (n, max_shapes)))
    turns = rng.uniform(0, 2 * np.pi, (n, max_shapes))
    ground = rng.random((n, channels, 1, 1))
    x, y = _around(rng.uniform(0, size, (n, 2)), size)
    images = ground + 0.15 * (np.hypot(x, y) / size - 0.5)[:, None]
    step = 2 * np.pi / np.where(classes == 2, 3, 4)[..., None]  # between two corners
    corners = turns[..., None] + step * np.arange(4)
    reach = np.stack([f(g(corners), -1) for f in (np.min, np.max) for g in (np.cos, np.sin)], -1)
    reach = np.where((classes == 0)[..., None], np.array([-1, -1, 1, 1]), reach)
    boxes = np.where(absent[..., None], 0, np.tile(centres, 2) + radii[..., None] * reach)
    for k in range(max_shapes):
        x, y = _around(centres[:, k], size)
        s, r = step[:, k, :, None], radii[:, k, None, None]
        angle = (np.arctan2(y, x) - turns[:, k, None, None]) % s - s / 2
        flat = np.hypot(x, y) * np.cos(angle) - r * np.cos(s / 2)  # distance from the nearest side
        distance = np.where(classes[:, k, None, None] == 0, np.hypot(x, y) - r, flat)
        cover = np.clip(0.5 - distance, 0, 1) * (classes[:, k, None, None] >= 0)
        colour = (ground + rng.uniform(0.3, 0.7, (n, channels, 1, 1))) % 1  # at least 0.3 from the ground
        images = images + cover[:, None] * (colour - images)
    images = np.clip(images + noise * rng.standard_normal(images.shape), 0, 1)
    dtype = creation.get_default_dtype()
    return images.astype(dtype), boxes.astype(dtype), classes


def silhouettes(n=100, size=200, noise=0.0, seed=None, generator=None):
    """n persons seen from the front, on white, each in two poses: arms out, and arms lowered by 60 degrees.

    The measures are those of the body that is drawn, but for the depths behind the circumferences, which a front view
    hides: they follow the widths, with a spread of 3 %. Means, spreads and correlations come near those of the
    synthetic persons of González Tejeda and Mayer (2021), The Neural Anthropometer, arXiv 2110.04064.

    Parameters
    ----------
    n : int
        Persons; the first half (rounded up) are women.
    size : int
        Height and width of the image, which shows 2.5 m: 12.5 mm per pixel at 200, 25 mm at 100.
    noise : float
        Standard deviation of the noise of each pixel.

    Returns
    -------
    images : array (2n, 1, size, size)
        Grey levels in [0, 1], white is 1: all persons in pose 0, then in the same order in pose 1.
    dimensions : array (2n, 8)
        Metres, in the order of ``DIMENSIONS``: chest circumference, height, inseam, left arm length, pelvis
        circumference, right arm length, shoulder width, waist circumference. An arm reaches from the shoulder joint
        to the wrist; the shoulder width, from joint to joint.
    persons : array (2n,), int64
        Number of the person, to keep the two images of one on the same side of a split.
    """
    rng = _source("silhouettes", seed, generator, noise, n=n, size=size)
    u, sex = rng.uniform(-1, 1, (15, n)), np.where(np.arange(n) < (n + 1) // 2, -1, 1)
    height = 1.727 + 0.05 * sex + 0.225 * u[0] + 0.075 * u[1]
    stout = 1 + 0.2 * u[2]
    inseam = height * (0.42 + 0.004 * sex) * (1 + 0.045 * u[3])
    arms = height * (1 + 0.045 * u[4]) * (0.3345 + np.array([[-0.0015], [0.0015]]) + 0.002 * u[5:7])
    shoulder = height * (0.23 + 0.008 * sex) * (1 + 0.08 * u[2] + 0.13 * u[7])
    mean, differs = np.array([[0.64], [0.57], [0.63]]), np.array([[0.02], [0.025], [-0.02]])
    around = height * (mean + differs * sex) * stout * (1 + 0.09 * u[8:11])  # chest, waist and pelvis
    depth = np.array([[0.72], [0.78], [0.72]]) * (1 + 0.05 * u[11:14])  # as a share of the width
    half = around / np.pi / (3 * (1 + depth) - np.sqrt((3 + depth) * (1 + 3 * depth)))  # Ramanujan's ellipse
    limb, gap = height * np.sqrt(stout), height * (0.033 + 0.006 * u[14])
    body = np.stack([height, inseam, shoulder, limb, gap, *half, *arms]).astype(np.float32)[..., None, None]
    images = np.empty((2, n, size, size), np.float32)
    for start in range(0, n, 32):  # few at a time, so that they stay in the cache
        few = slice(start, start + 32)
        for pose, angle in ((0, 0.0), (1, np.pi / 3)):
            upright = images[pose, few, ::-1]
            for arm, view in ((8, upright), (9, upright[..., ::-1])):  # the left arm is at our right
                view[..., size // 2 :] = _half_body(*body[:8, few], body[arm, few], angle, size)
    dtype, dimensions = creation.get_default_dtype(), (around[0], height, inseam, arms[0], around[2], arms[1])
    dimensions = np.tile(np.stack([*dimensions, shoulder, around[1]], 1), (2, 1))
    images = images.reshape(2 * n, 1, size, size)
    if noise:
        images = np.clip(images + noise * rng.standard_normal(images.shape), 0, 1)
    return images.astype(dtype, copy=False), dimensions.astype(dtype), np.tile(np.arange(n), 2)


def _half_body(h, inseam, shoulder, limb, gap, chest, waist, pelvis, arm, lowered, size):
    """Grey levels of the right halves of pictures, the lowest row first, from measures in metres (n, 1, 1)."""
    pixels = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = 2.5 * (pixels[size // 2 :] - 0.5), 2.5 * (pixels[:, None] - 0.075)
    knots = [(0 * h, gap + 0.056 * h), (0.018 * h, gap + 0.054 * h), (0.05 * h, gap + 0.042 * limb)]  # foot, ankle
    knots += [(0.2 * h, 0.93 * gap + 0.064 * limb), (0.265 * h, 0.84 * gap + 0.06 * limb)]  # calf, knee
    knots += [(inseam - 0.07 * h, 0.5 * gap + 0.093 * limb), (inseam + 0.05 * h, pelvis)]
    knots += [(0.615 * h, waist), (0.72 * h, chest), (0.795 * h, 0.485 * shoulder)]
    knots += [(0.83 * h, 0.33 * shoulder), (0.855 * h, 0.037 * h), (0.9 * h, 0.031 * h)]  # to the neck
    level, width = (np.stack(values) for values in zip(*knots))
    slope = np.zeros_like(width)
    slope[1:-1] = (width[2:] - width[:-2]) / (level[2:] - level[:-2])
    outline = 0
    for i in range(len(knots) - 1):  # cubic Hermite pieces through the knots
        step = level[i + 1] - level[i]
        t = (y - level[i]) / step
        piece = width[i] + t * t * (3 - 2 * t) * (width[i + 1] - width[i])
        piece = piece + t * (1 - t) * step * ((1 - t) * slope[i] - t * slope[i + 1])
        outline = outline + np.where((0 <= t) & (t < 1), piece, 0)
    tilt = np.sqrt(1 + np.gradient(outline, 2.5 / size, axis=1) ** 2)
    between = np.where(y < inseam, gap * (1 - np.clip(y / inseam, 0, 1) ** 4), inseam - y)
    ends = np.maximum(-y, y - level[-1])
    field = np.maximum(np.maximum((x - outline) / tilt, between - x), ends)  # metres from the outline of the trunk
    field = _melt(field, x, y - 0.902 * h, 0, 0.052 * h, 0.037 * h, 0.046 * h)  # the head
    out, down = math.cos(lowered), -math.sin(lowered)
    for near, far, thick, thin in (
        (0, 0.53 * arm, 0.031 * limb, 0.025 * limb),
        (0.53 * arm, arm, 0.025 * limb, 0.016 * limb),
        (arm + 0.03 * h, arm + 0.075 * h, 0.02 * h, 0.015 * h),
    ):
        start, length = (x - shoulder / 2 - out * near, y - 0.797 * h - down * near), far - near
        field = _melt(field, *start, out * length, down * length, thick, thin)
    shade = 0.25 + 0.3 * np.sqrt(np.clip(-10 * field, 0, 1))
    return 1 - np.clip(0.5 - field * (size / 2.5), 0, 1) * (1 - shade)


def _melt(field, x, y, dx, dy, thick, thin, fillet=0.02):
    """Distance from the outline of what was there and a limb from (0, 0) to (dx, dy), the corners between filled."""
    t = np.clip((x * dx + y * dy) / (dx * dx + dy * dy), 0, 1)
    limb = np.hypot(x - t * dx, y - t * dy) - (thick + t * (thin - thick))
    corner = np.maximum(fillet - abs(field - limb), 0)
    return np.minimum(field, limb) - corner * corner / (4 * fillet)
