"""Made data: the labels are those of what is drawn, measured again from the pictures; statistics; seeds."""

import time

import numpy as np
import pytest
import scipy.ndimage
import scipy.special

import dlkit
from dlkit.data import blobs, scenes_of_shapes, silhouettes, spirals, touching_cells, two_moons, xor
from dlkit.data.generators import DIMENSIONS, SHAPES

SMALL = {
    "two_moons": lambda **o: two_moons(20, **o),
    "spirals": lambda **o: spirals(20, **o),
    "xor": lambda **o: xor(20, noise=0.1, **o),
    "blobs": lambda **o: blobs(20, **o),
    "touching_cells": lambda **o: touching_cells(2, 32, **o),
    "scenes_of_shapes": lambda **o: scenes_of_shapes(3, 16, **o),
    "silhouettes": lambda **o: silhouettes(3, 20, noise=0.02, **o),
}
PERSONS, PIXEL = 60, 2.5 / 200


def same(a, b):
    return all((x == y).all() for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def cells():
    return touching_cells(24, seed=5)


@pytest.fixture(scope="module")
def scenes():
    return scenes_of_shapes(300, noise=0, seed=2)


@pytest.fixture(scope="module")
def people():
    return silhouettes(PERSONS, seed=4)


@pytest.fixture(scope="module")
def crowd():
    return silhouettes(4000, 2, seed=0)[1][:4000]


class TestAll:
    @pytest.mark.parametrize("name", SMALL)
    def test_seeds(self, name):
        make = SMALL[name]
        first = make(seed=1)
        state = np.random.default_rng(1)
        assert same(first, make(seed=1)) and same(first, make(generator=state))
        assert not same(first, make(seed=2)) and not same(first, make(generator=state))  # which has moved on
        assert not same(first, make(seed=0))
        assert same(first, make(seed=7, generator=np.random.default_rng(1)))
        dlkit.manual_seed(1)
        assert same(first, make()) and not same(first, make())

    @pytest.mark.parametrize("name", SMALL)
    def test_default_dtype(self, name):
        single = SMALL[name](seed=1)
        dlkit.set_default_dtype(dlkit.float64)
        double = SMALL[name](seed=1)
        for a, b in zip(single, double, strict=True):
            assert type(a) is type(b) is np.ndarray and a.shape == b.shape
            assert (a.dtype, b.dtype) in ((np.float32, np.float64), (np.int64, np.int64))
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert single[0].dtype == np.float32

    @pytest.mark.parametrize("make", [two_moons, spirals, xor, blobs])
    def test_clouds_are_balanced_and_mixed(self, make):
        points, labels = make(100, seed=0)
        assert points.shape == (100, 2) and labels.shape == (100,)
        counts = np.bincount(labels)
        assert counts.max() - counts.min() <= 1 and 20 < (np.diff(labels) != 0).sum()

    @pytest.mark.parametrize("make", [two_moons, spirals, xor, blobs])
    def test_noise_of_clouds(self, make):
        clean, labels = make(4000, noise=0.0, seed=3)
        noisy, again = make(4000, noise=0.2, seed=3)
        assert (labels == again).all()
        assert abs((noisy - clean).std(0) - 0.2).max() < 0.01 and abs((noisy - clean).mean(0)).max() < 0.02

    @pytest.mark.parametrize(
        ("make", "n", "noise"), [(two_moons, 200, 0.1), (spirals, 300, 0.03), (xor, 200, 0.0), (blobs, 300, 0.3)]
    )
    def test_defaults_of_clouds(self, make, n, noise):
        assert same(make(seed=1), make(n, noise=noise, seed=1))
        assert len(set(make()[1])) == (2 if make in (two_moons, xor) else 3)


class TestClouds:
    def test_two_moons(self):
        points, labels = two_moons(1000, noise=0, seed=0)
        for k, (centre, side) in enumerate((((0, 0), 1), ((1, 0.5), -1))):
            x, y = (points[labels == k] - np.array(centre)).T
            np.testing.assert_allclose(np.hypot(x, y), 1, rtol=1e-5)
            assert (side * y > -1e-6).all()
            angle = np.arctan2(side * y, x)
            assert angle.min() < 0.03 and angle.max() > 3.1 and abs(angle.mean() - np.pi / 2) < 0.15

    def test_two_moons_lie_where_those_of_scikit_learn_do(self):
        reference = pytest.importorskip("sklearn.datasets").make_moons(2000, noise=0, random_state=0)
        points, labels = two_moons(2000, noise=0, seed=0)
        for k in (0, 1):
            a, b = points[labels == k], reference[0][reference[1] == k]
            np.testing.assert_allclose(a.min(0), b.min(0), atol=0.01)
            np.testing.assert_allclose(a.max(0), b.max(0), atol=0.01)

    @pytest.mark.parametrize(("arms", "turns"), [(2, 1.0), (3, 0.75), (5, 0.4)])
    def test_spirals(self, arms, turns):
        points, labels = spirals(900, arms, noise=0, turns=turns, seed=0)
        radius = np.hypot(*points.T)
        assert radius.max() > 0.99 and radius.max() <= 1.00001 and abs(radius.mean() - 0.5) < 0.05
        angle = 2 * np.pi * (labels / arms + turns * radius)
        np.testing.assert_allclose(points, radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-5)
        assert set(labels) == set(range(arms))

    def test_spirals_turn_three_quarters(self):
        assert same(spirals(seed=1), spirals(300, 3, 0.03, 0.75, seed=1))

    def test_xor(self):
        points, labels = xor(4000, seed=0)
        assert ((points[:, 0] * points[:, 1] < 0) == (labels == 1)).all()
        assert 0.99 < abs(points).max() <= 1 and abs(abs(points).mean(0) - 0.5).max() < 0.02
        quarter = 2 * (points[:, 0] > 0) + (points[:, 1] > 0)
        assert abs(np.bincount(quarter) / 1000 - 1).max() < 0.1

    def test_blobs(self):
        points, labels = blobs(6000, 4, noise=0.1, seed=0)
        means = np.stack([points[labels == k].mean(0) for k in range(4)])
        np.testing.assert_allclose(means, [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=0.01)


class TestCells:
    def test_shapes_and_values(self, cells):
        images, masks, instances = cells
        assert images.shape == (24, 1, 128, 128) and masks.shape == instances.shape == (24, 128, 128)
        assert 0 <= images.min() and images.max() <= 1 and set(np.unique(masks)) == {0, 1}
        assert instances.min() == 0 and instances.max() == 12

    def test_number_of_cells(self, cells):
        counts = np.array([len(np.unique(i)) - 1 for i in cells[2]])
        assert set(counts) <= set(range(5, 13)) and counts.max() == 12 and counts.min() <= 7
        few = [len(np.unique(i)) - 1 for i in touching_cells(30, 96, n_cells=3, seed=1)[2]]
        assert set(few) == {2, 3}

    def test_every_cell_is_one_region_and_they_are_apart_in_the_mask(self, cells):
        _, masks, instances = cells
        assert (instances[masks == 1] > 0).all()
        for mask, instance in zip(masks, instances, strict=True):
            regions, found = scipy.ndimage.label(mask)
            for r in range(1, found + 1):
                assert len(np.unique(instance[regions == r])) == 1  # no region joins two cells
            for k in np.unique(instance[instance > 0]):
                parts, count = scipy.ndimage.label(instance == k)
                sizes = np.bincount(parts.ravel())[1:]
                assert sizes.max() >= 0.95 * sizes.sum()

    def test_they_touch_and_the_gap_is_thin(self, cells):
        _, masks, instances = cells
        a, b = instances[:, :, 1:], instances[:, :, :-1]
        contact = ((a != b) & (a > 0) & (b > 0)).sum((1, 2))
        assert (contact > 10).mean() > 0.9
        gap = (instances > 0) & (masks == 0)
        assert 0.01 < gap.sum() / (instances > 0).sum() < 0.15
        thick = scipy.ndimage.binary_erosion(gap, np.ones((1, 5, 5)))
        assert not thick.any()

    def test_large_images(self):
        """Nothing overflows far from a cell (a warning would be an error)."""
        images, _, instances = touching_cells(1, 900, n_cells=1, seed=0)
        assert np.isfinite(images).all() and (instances == 1).any()

    def test_sizes(self, cells):
        area = np.concatenate([np.bincount(i.ravel(), minlength=13)[1:] for i in cells[2]])
        radius = np.sqrt(np.quantile(area[area > 0], [0.5, 0.95]) / np.pi) / 128
        assert 0.07 < radius[0] < 0.11 and radius[1] < 0.13

    def test_a_third_of_the_light_tells_cells_from_ground(self, cells):
        """Inside is brighter than outside, but not so much that a threshold would do."""
        images, masks, _ = cells
        for image, mask in zip(images[:, 0], masks, strict=True):
            inside, outside = image[mask == 1], image[mask == 0]
            assert inside.mean() > outside.mean() + 0.03
            right = max(((image > t) == mask).mean() for t in np.linspace(0, 1, 51))
            assert right < 0.99

    def test_noise(self):
        clean, _, _ = touching_cells(4, noise=0, seed=1)
        noisy, _, _ = touching_cells(4, noise=0.05, seed=1)
        assert abs((noisy - clean).std() / 0.05 - 1) < 0.03
        default, _, _ = touching_cells(4, seed=1)
        assert abs((default - clean).std() / 0.03 - 1) < 0.03


class TestScenes:
    def test_shapes_and_values(self, scenes):
        images, boxes, classes = scenes
        assert images.shape == (300, 3, 64, 64) and boxes.shape == (300, 4, 4) and classes.shape == (300, 4)
        assert 0 <= images.min() and images.max() <= 1
        assert set(np.unique(classes)) == {-1, 0, 1, 2} and SHAPES == ("circle", "square", "triangle")
        assert (boxes[classes < 0] == 0).all()
        x1, y1, x2, y2 = boxes[classes >= 0].T
        assert x1.min() >= 0 and y1.min() >= 0 and x2.max() <= 64 and y2.max() <= 64
        side = np.maximum(x2 - x1, y2 - y1)
        assert side.min() > 8 and side.min() < 12 and side.max() > 26

    def test_counts(self, scenes):
        counts = (scenes[2] >= 0).sum(1)
        assert set(counts) == {1, 2, 3, 4} and (counts == 1).mean() > 0.15
        share = np.bincount(scenes[2][scenes[2] >= 0]) / counts.sum()
        assert abs(share - 1 / 3).max() < 0.08
        assert (scenes_of_shapes(50, max_shapes=1, seed=1)[2] >= 0).all()

    def test_boxes_hold_what_is_drawn(self):
        """With one shape, what differs from the ground fills its box, and a share that tells which shape it is."""
        images, boxes, classes = scenes_of_shapes(36, 256, max_shapes=1, noise=0, seed=3)
        shares = {0: (0.75, 0.87), 1: (0.48, 1.08), 2: (0.4, 0.6)}
        for image, (x1, y1, x2, y2), k in zip(images, boxes[:, 0], classes[:, 0], strict=True):
            edge = np.zeros((256, 256), bool)
            edge[:, 1:] |= abs(np.diff(image, axis=2)).max(0) > 0.03
            edge[1:] |= abs(np.diff(image, axis=1)).max(0) > 0.03
            shape = scipy.ndimage.binary_opening(scipy.ndimage.binary_fill_holes(edge))
            rows, cols = np.flatnonzero(edge.any(1)), np.flatnonzero(edge.any(0))
            found = cols[0], rows[0], cols[-1] + 0.5, rows[-1] + 0.5
            assert abs(np.array(found) - (x1, y1, x2, y2)).max() < 2.5
            low, high = shares[k]
            assert low < shape.sum() / ((x2 - x1) * (y2 - y1)) < high, k

    @pytest.mark.parametrize("max_shapes", [4, 12])
    def test_they_do_not_overlap(self, max_shapes):
        _, boxes, classes = scenes_of_shapes(100, 32, max_shapes, seed=2)
        assert (classes[:, 0] >= 0).all()
        if max_shapes == 12:
            assert 5 < (classes >= 0).sum(1).max() < 12  # no room for more
        for b, c in zip(boxes, classes, strict=True):
            b = b[c >= 0]
            centre, radius = (b[:, :2] + b[:, 2:]) / 2, (b[:, 2:] - b[:, :2]).min(1) / 2
            gap = np.hypot(*(centre[:, None] - centre[None]).T) - radius[:, None] * 0.75 - radius[None] * 0.75
            assert (gap[~np.eye(len(b), dtype=bool)] > 0).all()

    def test_contrast(self, scenes):
        """The middle of every shape differs from the ground beside it in every channel."""
        images, boxes, classes = scenes
        for image, b, c in zip(images, boxes, classes, strict=True):
            ground = np.median(image.reshape(3, -1), axis=1)
            for x1, y1, x2, y2 in b[c >= 0]:
                middle = image[:, int((y1 + y2) / 2), int((x1 + x2) / 2)]
                assert (abs(middle - ground) > 0.1).all()

    def test_grey_and_noise(self):
        clean, _, _ = scenes_of_shapes(20, channels=1, noise=0, seed=1)
        noisy, _, _ = scenes_of_shapes(20, channels=1, noise=0.05, seed=1)
        assert clean.shape == (20, 1, 64, 64)
        middle = (0.2 < clean) & (clean < 0.8)
        assert abs((noisy - clean)[middle].std() / 0.05 - 1) < 0.03


def ellipse(half, depth):
    """The exact circumference, by an elliptic integral."""
    return 4 * half * scipy.special.ellipe(1 - depth**2)


class TestSilhouettes:
    def test_shapes_and_order(self, people):
        images, dimensions, persons = people
        assert images.shape == (120, 1, 200, 200) and dimensions.shape == (120, 8) and persons.shape == (120,)
        assert persons.tolist() == [*range(60)] * 2 and (dimensions[:60] == dimensions[60:]).all()
        assert DIMENSIONS == ("CC", "H", "I", "LAL", "PC", "RAL", "SW", "WC")
        assert 0.2 < images.min() and images.max() == 1 and (images[:, :, 0] == 1).all()

    def cover(self, images):
        return images[:, 0] < 0.7

    def test_height_and_floor(self, people):
        """The first and the last row that is drawn are as far apart as the label says; the feet stand at row 185."""
        images, dimensions, _ = people
        rows = self.cover(images).any(2)
        first, last = rows.argmax(1), 200 - rows[:, ::-1].argmax(1)
        assert (last == 185).all()
        assert abs((last - first) * PIXEL - dimensions[:, 1]).max() < 1.1 * PIXEL

    def row(self, height):
        return np.floor(185 - height / PIXEL).astype(int)

    def test_inseam(self, people):
        """Below the crotch there is light between the legs, above there is none."""
        images, dimensions, _ = people
        middle = 1 - images[:, 0, :, 99:101].mean(2)
        for column, inseam in zip(middle, dimensions[:, 2], strict=True):
            light = np.flatnonzero(column[self.row(inseam + 0.2) : 185] < 0.35)[0] + self.row(inseam + 0.2)
            assert 0 <= light - self.row(inseam) <= 4
            assert (column[light + 1 : 184] < 0.5).all()

    @pytest.mark.parametrize(
        ("name", "pose", "share"), [("CC", 0, 0.72), ("WC", 0, 0.78), ("WC", 1, 0.78), ("PC", 0, 0.72), ("PC", 1, 0.72)]
    )
    def test_circumferences(self, people, name, pose, share):
        """The circumference of an ellipse as wide as in the picture; its depth spreads by 5 % at most."""
        images, dimensions, _ = (v.reshape(2, PERSONS, *v.shape[1:])[pose] for v in people)
        height, inseam = dimensions[:, 1], dimensions[:, 2]
        level = {"CC": 0.72 * height, "WC": 0.615 * height, "PC": inseam + 0.05 * height}[name]
        ratio = []
        for image, y, label in zip(self.cover(images), level, dimensions[:, DIMENSIONS.index(name)], strict=True):
            parts, _ = scipy.ndimage.label(image[self.row(y)])
            ratio.append(label / ellipse((parts == parts[100]).sum() * PIXEL / 2, share))
        ratio = np.sort(ratio)
        visible = ratio > 0.8  # the others have an arm before it
        assert visible.mean() > 0.9
        ratio = ratio[visible]
        assert abs(ratio.mean() - 1) < 0.015 and ratio[0] > 0.93 and ratio[-1] < 1.07 and ratio.std() > 0.01

    def test_span_of_the_arms(self, people):
        """In pose 0 from the middle to the left (our right) finger tips: half the shoulders, the arm and the hand."""
        images, dimensions, _ = people
        cols = self.cover(images[:PERSONS]).any(1)
        ends = 200 - cols[:, ::-1].argmax(1) - 100, 100 - cols.argmax(1)
        for end, arm in zip(ends, (3, 5), strict=True):
            length = dimensions[:PERSONS, 6] / 2 + dimensions[:PERSONS, arm] + 0.09 * dimensions[:PERSONS, 1]
            assert abs(end * PIXEL - length).max() < 1.1 * PIXEL

    def test_lowered_by_sixty_degrees(self, people):
        """The finger tips of pose 1 are on the circle around the shoulder on which they were in pose 0."""
        images, dimensions, _ = people
        for image, size in zip(images[PERSONS:], dimensions[PERSONS:], strict=True):
            reach = size[3] + 0.09 * size[1]
            x = size[6] / 2 + reach * 0.5
            columns = np.flatnonzero(self.cover(image[None])[0].any(0))
            assert abs((columns[-1] - 99) * PIXEL - x) < 0.03
            rows = np.flatnonzero(self.cover(image[None])[0][:, columns[-1] - 2])
            y = 0.797 * size[1] - reach * np.sqrt(3) / 2
            assert abs((185 - rows.mean()) * PIXEL - y) < 0.07

    def test_smooth_and_whole(self, people):
        """One connected body; its border is drawn in greys, not in steps."""
        images, _, _ = people
        for image in images[::7, 0]:
            assert scipy.ndimage.label(image < 0.7)[1] == 1
        grey = (images > 0.6) & (images < 0.97)
        assert (grey.sum((1, 2, 3)) > 120).all()

    def test_size_is_only_resolution(self):
        fine, labels, _ = silhouettes(10, 200, seed=1)
        coarse, again, _ = silhouettes(10, 100, seed=1)
        assert (labels == again).all() and coarse.shape == (20, 1, 100, 100)
        averaged = fine.reshape(20, 1, 100, 2, 100, 2).mean((3, 5))
        assert abs(averaged - coarse).mean() < 0.005
        odd = silhouettes(10, 75, seed=1)[0]
        assert odd.shape == (20, 1, 75, 75) and abs(1 - odd.mean() - (1 - fine.mean())) < 0.002

    def test_noise(self):
        clean, noisy = (silhouettes(5, 64, noise=v, seed=1)[0] for v in (0.0, 0.05))
        body = clean < 0.7
        assert abs((noisy - clean)[body].std() / 0.05 - 1) < 0.05 and noisy.max() <= 1 and noisy.min() >= 0

    def test_persons_do_not_depend_on_the_block_they_are_drawn_in(self):
        images = silhouettes(70, 24, seed=1)[0]
        assert images.max() == 1 and (images.min((1, 2, 3)) < 0.7).all()

    def test_statistics_of_height(self, crowd):
        """Against the published ones of 12,000 synthetic persons: mean 1.725, sd 0.147, 1.394 to 2.072 m."""
        height = crowd[:, 1]
        assert abs(height.mean() - 1.725) < 0.01 and abs(height.std() - 0.147) < 0.01
        assert abs(np.quantile(height, [0.25, 0.5, 0.75]) - [1.613, 1.722, 1.833]).max() < 0.012
        assert 1.35 < height.min() < 1.42 and 2.04 < height.max() < 2.1
        women, men = height[:2000], height[2000:]
        assert 0.05 < men.mean() - women.mean() < 0.15

    def test_ratios(self, crowd):
        ratio = (crowd / crowd[:, 1:2]).mean(0)
        np.testing.assert_allclose(ratio, [0.64, 1, 0.42, 0.333, 0.63, 0.336, 0.23, 0.57], atol=0.006)

    def test_correlations_with_height(self, crowd):
        r = dict(zip(DIMENSIONS, np.corrcoef(crowd.T)[1], strict=True))
        assert min(r[k] for k in ("I", "LAL", "RAL")) > 0.9
        assert all(0.42 < r[k] < 0.63 for k in ("CC", "PC", "WC")) and 0.55 < r["SW"] < 0.75

    def test_women_and_men_differ(self, crowd):
        women, men = (half / half[:, 1:2] for half in (crowd[:2000], crowd[2000:]))
        difference = dict(zip(DIMENSIONS, men.mean(0) - women.mean(0), strict=True))
        assert min(difference[k] for k in ("CC", "SW", "WC", "I")) > 0 > difference["PC"]
        odd = silhouettes(5, 2, seed=0)[1]
        assert len(odd) == 10

    def test_arms_are_nearly_alike(self, crowd):
        difference = crowd[:, 5] - crowd[:, 3]
        assert 0.001 < difference.mean() < 0.01 and abs(difference).max() < 0.03 and difference.min() < 0

    def test_two_thousand_in_ten_seconds(self):
        """A tenth of them, in a tenth of the time, and room for a busy machine."""
        start = time.process_time()
        silhouettes(100)
        assert time.process_time() - start < 3
