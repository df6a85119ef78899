"""Transforms: against torch's grid_sample and plain loops, the limits of every random draw, what moves together."""

import inspect
import math

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st

import dlkit
from dlkit.data import DataLoader, TensorDataset, TransformedDataset, augment, digits
from dlkit.data.augment import (
    ColorJitter,
    Compose,
    ElasticTransform,
    GaussianBlur,
    GaussianNoise,
    Normalize,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomGamma,
    RandomHorizontalFlip,
    RandomRotation,
    RandomVerticalFlip,
    affine,
    mixup,
)

ALL = {
    "RandomAffine": RandomAffine(20, translate=(0.1, 0.2), scale=(0.8, 1.2), shear=(-5, 5, -3, 3)),
    "RandomRotation": RandomRotation(30),
    "RandomHorizontalFlip": RandomHorizontalFlip(),
    "RandomVerticalFlip": RandomVerticalFlip(),
    "RandomCrop": RandomCrop(5, padding=1),
    "ElasticTransform": ElasticTransform(),
    "GaussianBlur": GaussianBlur(3),
    "GaussianNoise": GaussianNoise(),
    "ColorJitter": ColorJitter(0.3, 0.3, 0.3),
    "RandomGamma": RandomGamma(),
    "RandomErasing": RandomErasing(),
    "Normalize": Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
}
RANDOM = sorted(set(ALL) - {"Normalize"})
GEOMETRIC = [name for name in RANDOM if name.startswith(("RandomA", "RandomR", "RandomH", "RandomV", "RandomC", "El"))]


def images(n=4, channels=3, height=7, width=9, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).random((n, channels, height, width)).astype(dtype)


def rng(seed=0):
    return np.random.default_rng(seed)


class TestAll:
    def test_table_is_complete(self):
        public = {name for name in vars(augment) if name[0].isupper()} - {"Tensor", "Compose"}
        assert public == set(ALL)

    @pytest.mark.parametrize("name", RANDOM)
    def test_seeded_and_each_image_has_its_own_draw(self, name):
        x = np.repeat(images(1), 8, 0)
        results = []
        for seed in (1, 1, 2):
            dlkit.manual_seed(seed)
            results.append(ALL[name](x))
        assert (results[0] == results[1]).all() and (results[0] != results[2]).any()
        assert len({image.tobytes() for image in results[0]}) >= 2
        settings = {"RandomCrop": (5,), "RandomAffine": (9,), "RandomRotation": (9,), "GaussianBlur": (3,)}.get(
            name, ()
        )
        more = [getattr(augment, name)(*settings, generator=rng(3)) for _ in range(2)]
        dlkit.manual_seed(0)
        first = more[0](x)
        dlkit.manual_seed(9)
        assert (first == more[1](x)).all()

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("name", ALL)
    def test_dtype_type_and_input_are_kept(self, name, dtype):
        x = images(dtype=dtype)
        before = x.copy()
        out = ALL[name](x)
        assert isinstance(out, np.ndarray) and out.dtype == dtype and out.shape[:2] == x.shape[:2]
        assert (x == before).all() and not np.shares_memory(out, x)
        tensor = dlkit.tensor(x, requires_grad=True)
        out = ALL[name](tensor)
        assert isinstance(out, dlkit.Tensor) and out.dtype == dtype and not out.requires_grad

    @pytest.mark.parametrize("name", ALL)
    def test_what_belongs_to_the_images(self, name):
        """Labels pass through; maps and masks of any dtype move as the images do, or stay as the images do."""
        x = images(6, height=8, width=8)
        size = (5, 5) if name == "RandomCrop" else (8, 8)
        ids = np.arange(6 * 64).reshape(6, 8, 8)
        labels, names = np.arange(6), list("abcdef")
        boxes = np.zeros((6, 4, 8))  # as wide as the images, by chance
        given = dlkit.tensor(ids), x[:, :1] > 0.5, labels, names, boxes
        out, out_ids, mask, out_labels, out_names, out_boxes = ALL[name](x, *given)
        assert out.shape == (6, 3, *size) and out_labels is labels and out_names is names and out_boxes is boxes
        assert isinstance(out_ids, dlkit.Tensor) and out_ids.dtype == np.int64 and mask.dtype == bool
        if name not in GEOMETRIC:
            assert (out_ids.data == ids).all() and mask.shape == (6, 1, 8, 8)
            return
        assert out_ids.shape == (6, *size) and mask.shape == (6, 1, *size)
        moved = out_ids.data
        own = (moved // 64 == np.arange(6)[:, None, None]) | (moved == 0)
        assert own.all() and (moved[1:] != ids[1:, : size[0], : size[1]]).any()
        inside = moved[1:] > 0  # 0 is also what comes in from outside
        source = x[:, 0].reshape(-1)[moved[1:]]
        assert (mask[1:, 0] == (inside & (source > 0.5))).all()
        if name in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomCrop"):
            np.testing.assert_array_equal(out[1:, 0], np.where(inside, source, 0))

    @pytest.mark.parametrize("name", ALL)
    def test_no_images(self, name):
        assert len(ALL[name](np.zeros((0, 3, 8, 8)))) == 0

    @pytest.mark.parametrize("name", sorted(set(RANDOM) - {"GaussianNoise"}))
    def test_range_is_kept(self, name):
        out = ALL[name](images(20))
        assert 0 <= out.min() and out.max() <= 1

    @pytest.mark.parametrize("name", ALL)
    def test_not_contiguous(self, name):
        x = images(4, 3, 9, 9)
        dlkit.manual_seed(5)
        first = ALL[name](x.transpose(0, 1, 3, 2)[:, :, ::-1])
        dlkit.manual_seed(5)
        second = ALL[name](np.ascontiguousarray(x.transpose(0, 1, 3, 2)[:, :, ::-1]))
        np.testing.assert_allclose(first, second, rtol=1e-13)


def torch_affine(x, angle, translate, scale, shear, mode="bilinear"):
    """The same by affine_grid and grid_sample, whose coordinates run from -1 to 1, through an explicit matrix."""
    height, width = x.shape[2:]
    a, sx, sy = (math.radians(v) for v in (angle, *shear))
    turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    matrix = scale * turn @ np.array([[1, 0], [-math.tan(sy), 1]]) @ np.array([[1, -math.tan(sx)], [0, 1]])
    back = np.linalg.inv(matrix)
    half = np.diag([width / 2, height / 2])
    theta = np.linalg.inv(half) @ np.column_stack([back @ half, -back @ np.array(translate)])
    theta = torch.tensor(theta)[None].expand(len(x), 2, 3)
    grid = torch.nn.functional.affine_grid(theta, x.shape, align_corners=False)
    return torch.nn.functional.grid_sample(torch.tensor(x), grid, mode=mode, align_corners=False).numpy()


finite = st.floats(-1, 1)


class TestAffine:
    @hypothesis.given(
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        finite,
        st.tuples(finite, finite),
        st.floats(0.3, 3),
        st.tuples(finite, finite),
    )
    def test_as_grid_sample(self, size, angle, translate, scale, shear):
        x = images(2, 2, *size)
        angle, translate, shear = 180 * angle, [5 * v for v in translate], [50 * v for v in shear]
        found = affine(x, angle, translate, scale, shear)
        np.testing.assert_allclose(found, torch_affine(x, angle, translate, scale, shear), atol=1e-9)

    @pytest.mark.parametrize("angle", [30, -77, 5])
    def test_label_maps_as_grid_sample_takes_the_nearest(self, angle):
        ids = np.arange(1, 1 + 2 * 9 * 12).reshape(2, 9, 12)
        _, found = RandomAffine((angle, angle), scale=(1.2, 1.2))(images(2, 1, 9, 12), ids)
        expected = torch_affine(ids[:, None] * 1.0, angle, (0, 0), 1.2, (0, 0), "nearest")
        np.testing.assert_array_equal(found, expected[:, 0])

    def test_own_values_for_each_image(self):
        x, angle, scale = images(3), np.array([0, 30, -70]), np.array([1, 2, 0.5])
        shift, shear = (np.array([0, 1.5, -2]), np.array([1, 0, 2])), (np.array([0, 10, 20]), np.array([5, 0, -5]))
        found = affine(x, angle, shift, scale, shear)
        for i in range(3):
            one = affine(x[i : i + 1], angle[i], [s[i] for s in shift], scale[i], [s[i] for s in shear])
            np.testing.assert_array_equal(found[i : i + 1], one)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_identity_is_exact(self, dtype):
        x = images(dtype=dtype) * 1e6
        assert (affine(x) == x).all() and (RandomAffine(0)(x) == x).all() and (RandomRotation(0)(x) == x).all()
        assert affine(x).dtype == dtype

    def test_right_and_down_and_clockwise(self):
        x = np.zeros((1, 1, 5, 5))
        x[0, 0, 1, 2] = 1  # above the centre
        assert np.argwhere(affine(x, translate=(1, 0))[0, 0]).tolist() == [[1, 3]]
        assert np.argwhere(affine(x, translate=(0, 2))[0, 0]).tolist() == [[3, 2]]
        assert np.argwhere(affine(x, 90)[0, 0] > 0.5).tolist() == [[2, 3]]
        assert np.argwhere(RandomRotation((90, 90))(x)[0, 0] > 0.5).tolist() == [[2, 1]]
        assert np.argwhere(RandomAffine((90, 90))(x)[0, 0] > 0.5).tolist() == [[2, 3]]

    def test_shift_and_back_restores_the_interior(self):
        x = images(2, 1, 9, 9)
        back = affine(affine(x, translate=(2, -1)), translate=(-2, 1))
        assert (back[..., 1:, :-2] == x[..., 1:, :-2]).all() and (back[..., -2:] == 0).all()
        assert (back[..., 0, :] == 0).all()

    def test_four_quarter_turns(self):
        x = images(2, 1, 8, 8)
        once = affine(x, 90)
        np.testing.assert_allclose(once, np.rot90(x, -1, (2, 3)), atol=1e-12)
        np.testing.assert_allclose(affine(affine(affine(once, 90), 90), 90), x, atol=1e-12)

    def test_fill(self):
        x = images(1)
        assert (affine(x, translate=(100, 0), fill=0.7) == 0.7).all()
        half = affine(np.ones((1, 1, 3, 3)), translate=(0.5, 0), fill=3.0)
        np.testing.assert_allclose(half[0, 0], [[2, 1, 1]] * 3)
        for make in (RandomAffine(0, translate=(1, 1), fill=9), RandomRotation((45, 45), fill=9)):
            assert (make(images(20)) > 1).any()


class TestRandomDraws:
    def measured(self, transform, n=400):
        """The affine map of each image, read off from where a blob in the centre and two beside it go."""
        rows, cols = np.mgrid[:41, :41]
        spots = [np.exp(-((rows - 20 - dy) ** 2 + (cols - 20 - dx) ** 2) / 8) for dy, dx in ((0, 0), (0, 8), (8, 0))]
        dlkit.manual_seed(1)
        (moved,) = [transform(np.stack(spots)[None].repeat(n, 0))]
        mass = moved.sum((2, 3))
        x, y = (moved * cols).sum((2, 3)) / mass, (moved * rows).sum((2, 3)) / mass
        (cx, ax, bx), (cy, ay, by) = x.T, y.T
        return dict(
            dx=cx - 20, dy=cy - 20, angle=np.degrees(np.arctan2(ay - cy, ax - cx)),
            scale=np.hypot(ax - cx, ay - cy) / 8, lean=np.degrees(np.arctan2(cx - bx, by - cy)),
        )  # fmt: skip

    def spread(self, values, low, high, tolerance):
        assert low - tolerance <= values.min() <= low + 0.05 * (high - low) + tolerance
        assert high + tolerance >= values.max() >= high - 0.05 * (high - low) - tolerance

    @pytest.mark.parametrize(("degrees", "low", "high"), [(20, -20, 20), ((10, 40), 10, 40)])
    def test_angle(self, degrees, low, high):
        found = self.measured(RandomAffine(degrees))
        self.spread(found["angle"], low, high, 0.5)
        self.spread(self.measured(RandomRotation(degrees))["angle"], -high, -low, 0.5)
        assert abs(found["dx"]).max() < 0.1 and abs(found["scale"] - 1).max() < 0.02

    def test_translation_by_whole_pixels(self):
        found = self.measured(RandomAffine(0, translate=(0.1, 0.2)), 500)
        assert sorted(set(found["dx"].round(6))) == list(range(-4, 5))
        assert sorted(set(found["dy"].round(6))) == list(range(-8, 9))

    def test_translation_of_wide_images(self):
        x = np.zeros((300, 1, 10, 30))
        x[:, :, 5, 15] = 1
        _, _, rows, cols = np.nonzero(RandomAffine(0, translate=(0.1, 0))(x))
        assert set(rows) == {5} and set(cols) == set(range(12, 19))
        _, _, rows, cols = np.nonzero(RandomAffine(0, translate=(0, 0.1))(x))
        assert set(rows) == {4, 5, 6} and set(cols) == {15}

    def test_scale(self):
        self.spread(self.measured(RandomAffine(0, scale=(0.7, 1.3)))["scale"], 0.7, 1.3, 0.02)

    @pytest.mark.parametrize(
        ("shear", "x", "y"),
        [(15, (-15, 15), (0, 0)), ((5, 10), (5, 10), (0, 0)), ((0, 8, -20, -10), (0, 8), (-20, -10))],
    )
    def test_shear(self, shear, x, y):
        found = self.measured(RandomAffine(0, shear=shear))
        self.spread(found["angle"], -y[1], -y[0], 0.7)
        self.spread(found["lean"], *x, 0.7)

    @pytest.mark.parametrize("p", [0, 0.3, 0.5, 1])
    @pytest.mark.parametrize(("make", "axis"), [(RandomHorizontalFlip, 3), (RandomVerticalFlip, 2)])
    def test_flips(self, make, axis, p):
        x = images(1000, 1, 2, 3)
        out = make(p)(x)
        flipped = (out == np.flip(x, axis)).all((1, 2, 3))
        assert ((out == x).all((1, 2, 3)) != flipped).all()
        assert abs(flipped.mean() - p) <= 4 * math.sqrt(p * (1 - p) / 1000)
        assert (make(1)(make(1)(x)) == x).all()

    @pytest.mark.parametrize(("size", "padding"), [(3, 0), (6, 0), (6, 2), (1, 1), (10, 2)])
    def test_crop(self, size, padding):
        x = np.arange(1.0, 37).reshape(1, 1, 6, 6).repeat(1000, 0)
        out = RandomCrop(size, padding, fill=-1)(x)
        padded = np.pad(x[0, 0], padding, constant_values=-1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size)).reshape(-1, size, size)
        assert {w.tobytes() for w in windows} == {o.tobytes() for o in out[:, 0]}  # all of them, nothing else

    def test_crop_of_wide_images(self):
        x = np.arange(12.0).reshape(1, 1, 2, 6).repeat(300, 0)
        assert {tuple(o[0, 0]) for o in RandomCrop(2)(x)} == {(i, i + 1) for i in range(5)}

    def test_erasing(self):
        p, scale, ratio = 0.7, (0.05, 0.2), (0.5, 4.0)
        x = np.full((2000, 2, 40, 50), 0.5)
        out = RandomErasing(p, scale, ratio, value=9)(x)
        gone = out == 9
        assert (gone[:, 0] == gone[:, 1]).all() and (out[~gone] == 0.5).all()
        erased = gone.any((1, 2, 3))
        assert abs(erased.mean() - p) < 0.05
        gone = gone[erased, 0]
        heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
        assert (gone.sum((1, 2)) == heights * widths).all()  # one full rectangle
        self.spread(heights * widths / 2000, *scale, 0.02)
        self.spread(np.log(heights / widths), math.log(0.5), math.log(4), 0.1)
        assert abs(np.log(heights / widths).mean() - math.log(2) / 2) < 0.05
        rows, cols = gone.any(2), gone.any(1)
        assert all(rows[:, i].any() and cols[:, i].any() for i in (0, -1))  # up to the borders

    def test_erasing_more_than_there_is(self):
        gone = RandomErasing(1, (1, 1), (1, 1), value=2)(images(30, 1, 6, 8)) == 2  # a square of about 7 x 7
        assert (gone.sum((1, 2, 3)) == 6 * 7).all() and {tuple(g[0, 0, [0, -1]]) for g in gone} == {(0, 1), (1, 0)}
        assert (RandomErasing(p=0)(images()) == images()).all()

    def test_erasing_defaults(self):
        x = np.ones((3000, 1, 60, 60))
        gone = 1 - RandomErasing()(x)[:, 0]
        assert abs((gone.sum((1, 2)) > 0).mean() - 0.5) < 0.04
        share = gone.mean((1, 2))
        self.spread(share[share > 0], 0.02, 0.33, 0.01)
        gone = gone[share > 0.02]
        self.spread(np.log(gone.any(2).sum(1) / gone.any(1).sum(1)), math.log(0.3), math.log(3.3), 0.15)


class TestElastic:
    def test_steps(self):
        """Read off from an image whose value is its column, or its row."""
        rows, cols = np.mgrid[:60, :60] * 1.0
        x = np.stack([rows, cols])[None].repeat(20, 0)
        for alpha, sigma in ((50, 5), (20, 3)):
            step = (ElasticTransform(alpha, sigma)(x) - x)[:, :, 20:40, 20:40]
            expected = alpha / 2 * math.sqrt(1 / 3) / (2 * sigma * math.sqrt(math.pi))  # white noise after a Gaussian
            assert abs(step.std() / expected - 1) < 0.15
            assert abs(step.mean()) < expected / 3
            rough = np.diff(step, axis=3).std() / step.std()
            assert abs(rough * sigma * math.sqrt(2) - 1) < 0.15
            assert abs(np.corrcoef(step[:, 0].ravel(), step[:, 1].ravel())[0, 1]) < 0.3
        assert (ElasticTransform(alpha=0)(x) == x).all()

    def test_defaults_and_small_images(self):
        x = digits()[0][:10]
        results = []
        for make in (ElasticTransform(), ElasticTransform(50, 5, 0)):
            dlkit.manual_seed(1)
            results.append(make(x))
        assert (results[0] == results[1]).all() and (results[0] != x).any()

    def test_fill(self):
        assert (ElasticTransform(2000, 2, fill=7)(np.zeros((2, 1, 9, 9))) > 0).any()


class TestPhotometric:
    @pytest.mark.parametrize("size", [1, 3, 5])
    def test_blur(self, size):
        """As a convolution with torch, reflected at the border."""
        x, sigma = images(), 1.3
        taps = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
        kernel = torch.tensor(np.outer(taps, taps) / taps.sum() ** 2).expand(3, 1, size, size)
        padded = torch.nn.functional.pad(torch.tensor(x), [size // 2] * 4, mode="reflect")
        expected = torch.nn.functional.conv2d(padded, kernel, groups=3)
        np.testing.assert_allclose(GaussianBlur(size, (sigma, sigma))(x), expected, atol=1e-14)

    def test_blur_of_a_point(self):
        x = np.zeros((500, 1, 21, 21))
        x[..., 10, 10] = 1
        out = GaussianBlur(21, (0.5, 2.0))(x)
        np.testing.assert_allclose(out.sum((1, 2, 3)), 1, atol=1e-5)  # what leaves is mirrored
        width = np.sqrt((out[:, 0].sum(1) * (np.arange(21) - 10) ** 2).sum(1))
        assert 0.45 < width.min() < 0.55 and 1.95 < width.max() < 2.01
        height = np.sqrt((out[:, 0].sum(2) * (np.arange(21) - 10) ** 2).sum(1))
        np.testing.assert_allclose(width, height)
        narrow = GaussianBlur(21)(x)[:, 0].max((1, 2))
        assert narrow.max() == 1 and abs(narrow.min() - 1 / (2 * math.pi * 4)) < 0.002  # 0.1 to 2 by default

    def test_noise(self):
        x = np.full((4, 1, 100, 100), 0.5)
        out = GaussianNoise(mean=0.02, sigma=0.05)(x)
        assert abs(out.mean() - 0.52) < 0.002 and abs(out.std() / 0.05 - 1) < 0.02
        assert abs(GaussianNoise()(x).std() / 0.1 - 1) < 0.02 and abs(GaussianNoise()(x).mean() - 0.5) < 0.003
        assert GaussianNoise(sigma=1)(x).min() == 0 and GaussianNoise(sigma=1)(x).max() == 1
        assert GaussianNoise(sigma=1, clip=False)(x).min() < -1 and GaussianNoise(sigma=1, clip=False)(x).max() > 2

    def test_brightness(self):
        x = images(2000, 3, 2, 2) * 0.4
        factor = ColorJitter(brightness=0.5)(x) / x
        assert np.ptp(factor, axis=(1, 2, 3)).max() < 1e-12
        TestRandomDraws().spread(factor[:, 0, 0, 0], 0.5, 1.5, 0.01)
        TestRandomDraws().spread((ColorJitter((0.2, 0.3))(x) / x)[:, 0, 0, 0], 0.2, 0.3, 0.001)
        assert (ColorJitter(brightness=3)(np.ones((500, 1, 1, 1)))).max() == 1
        assert (ColorJitter(brightness=3)(np.ones((500, 1, 1, 1))) == 0).mean() < 0.01  # factors from 0, not from -2

    def test_contrast(self):
        x = 0.4 + 0.2 * images(500, 3, 4, 4)
        out = ColorJitter(contrast=0.5)(x)
        factor = out.std((1, 2, 3)) / x.std((1, 2, 3))
        TestRandomDraws().spread(factor, 0.5, 1.5, 0.01)
        grey = (x * np.array([0.2989, 0.587, 0.114])[:, None, None]).sum(1).mean((1, 2))[:, None, None, None]
        np.testing.assert_allclose(out - grey, factor[:, None, None, None] * (x - grey), atol=1e-12)

    def test_saturation(self):
        x = 0.4 + 0.2 * images(500, 3, 2, 2)
        out = ColorJitter(saturation=0.5)(x)
        grey = (x * np.array([0.2989, 0.587, 0.114])[:, None, None]).sum(1, keepdims=True)
        factor = ((out - grey) / (x - grey))[:, 0, 0, 0]
        np.testing.assert_allclose(out - grey, factor[:, None, None, None] * (x - grey), atol=1e-12)
        TestRandomDraws().spread(factor, 0.5, 1.5, 0.01)

    def test_one_channel_has_no_saturation(self):
        x = images(channels=1)
        np.testing.assert_allclose(ColorJitter(saturation=0.9)(x), x, atol=1e-15)
        flat = ColorJitter(contrast=(0, 0))(x)
        np.testing.assert_allclose(flat, x.mean((1, 2, 3), keepdims=True) + 0 * x)

    def test_jitter_of_nothing(self):
        np.testing.assert_allclose(ColorJitter()(images()), images(), atol=1e-15)

    def test_gamma(self):
        x = 0.1 + 0.8 * images(500, 1, 2, 2)
        power = np.log(RandomGamma((0.5, 3))(x)) / np.log(x)
        assert np.ptp(power, axis=(1, 2, 3)).max() < 1e-9
        TestRandomDraws().spread(power[:, 0, 0, 0], 0.5, 3, 0.01)
        TestRandomDraws().spread((np.log(RandomGamma()(x)) / np.log(x))[:, 0, 0, 0], 0.5, 2, 0.01)

    def test_normalize(self):
        x = images()
        out = Normalize((0.1, 0.2, 0.3), (1, 2, 4))(x)
        for c, (mean, std) in enumerate(((0.1, 1), (0.2, 2), (0.3, 4))):
            np.testing.assert_allclose(out[:, c], (x[:, c] - mean) / std)
        np.testing.assert_allclose(Normalize(0.5, 0.5)(x), 2 * x - 1, atol=1e-15)


class TestMixup:
    @pytest.mark.parametrize("wrap", [np.asarray, dlkit.tensor])
    def test_shares(self, wrap):
        """The images tell which was mixed with which, and by how much: the labels must say the same."""
        n = 50
        x = np.eye(n).reshape(n, 1, 5, 10)
        classes = rng().integers(0, 4, n)
        mixed, shares = mixup(wrap(x), wrap(classes), num_classes=4, generator=rng(1))
        assert isinstance(mixed, dlkit.Tensor) and mixed.shape == (n, 1, 5, 10) and shares.shape == (n, 4)
        weights = mixed.data.reshape(n, n)
        np.testing.assert_allclose(weights.sum(1), 1)
        assert ((weights > 0).sum(1) <= 2).all() and (np.diag(weights) > 0).all() and ((weights > 0).sum(1) == 2).any()
        np.testing.assert_allclose(shares.data, weights @ np.eye(4)[classes], atol=1e-15)
        again, soft = mixup(wrap(x), wrap(np.eye(4)[classes]), generator=rng(1))
        assert (again.data == mixed.data).all() and (soft.data == shares.data).all()

    @pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
    def test_beta(self, alpha):
        n = 4000
        x, y = np.zeros((n, 1, 1, 1)), np.arange(n)
        options = {} if alpha == 1 else {"alpha": alpha}  # 1 is the default
        _, shares = mixup(x[:, :, :, :0], np.eye(2)[y % 2], **options)
        lam = shares.data.max(1)
        mixed = lam < 1
        assert abs(mixed.mean() - 0.5) < 0.05  # the other half meets its own class
        variance = ((shares.data[mixed, 0] - 0.5) ** 2).mean()
        assert abs(variance / (1 / (4 * (2 * alpha + 1))) - 1) < 0.1

    def test_dtype_and_seed(self):
        x, y = images(dtype=np.float32), np.array([0, 1, 2, 0])
        dlkit.manual_seed(3)
        first = mixup(x, y, num_classes=3)
        dlkit.manual_seed(3)
        second = mixup(x, y, num_classes=3)
        assert [v.dtype for v in first] == [np.float32] * 2
        assert all((a.data == b.data).all() for a, b in zip(first, second, strict=True))

    def test_cross_entropy_of_the_shares(self):
        logits = dlkit.tensor(rng().normal(size=(6, 3)))
        y, lam = rng(1).integers(0, 3, 6), 0.3
        log_p = dlkit.nn.functional.log_softmax(logits, dim=1).data
        _, shares = mixup(np.zeros((6, 1, 1, 1)), y, num_classes=3, generator=rng(2))
        other = rng(2)
        lam, partner = other.beta(1.0, 1.0, 6), other.permutation(6)
        each = [-log_p[np.arange(6), classes] for classes in (y, y[partner])]
        np.testing.assert_allclose(-(shares.data * log_p).sum(1), lam * each[0] + (1 - lam) * each[1])


class TestPipelines:
    def test_compose(self):
        x, labels = images(3, 3, 8, 8), np.arange(3)
        pipeline = Compose([RandomCrop(6), Normalize(0.5, 0.5), RandomHorizontalFlip(1)])
        dlkit.manual_seed(4)
        found = pipeline(x)
        dlkit.manual_seed(4)
        assert (found == (RandomCrop(6)(x) * 2 - 1)[..., ::-1]).all()
        dlkit.manual_seed(4)
        pair = pipeline(x, labels)
        assert isinstance(pair, tuple) and (pair[0] == found).all() and pair[1] is labels
        assert Compose([])(x) is x and Compose([])(x, labels) == (x, labels)

    def test_transformed_data_set(self):
        x, labels = digits()
        augment = Compose([RandomAffine(10, translate=(0.1, 0.1)), GaussianNoise(sigma=0.05)])
        data = TransformedDataset(TensorDataset(x[:100], labels[:100]), augment)
        assert len(data) == 100
        loader = DataLoader(data, 32, shuffle=True)
        for _ in range(2):
            batches = list(loader)
            assert [b[0].shape[0] for b in batches] == [32, 32, 32, 4]
            assert sorted(int(v) for b in batches for v in b[1].data) == sorted(labels[:100])
        assert (data[:5][0].data != data[:5][0].data).any()  # new every time
        doubled = TransformedDataset(data, lambda images, labels: (images, labels * 2))
        assert doubled[:5][1].tolist() == (2 * labels[:5]).tolist()

    def test_metadata(self):
        assert str(inspect.signature(RandomCrop)) == "(size, padding=0, fill=0)"
        assert RandomCrop.__name__ == "RandomCrop" and "window" in RandomCrop.__doc__
        with pytest.raises(TypeError, match="size"):
            RandomCrop()
        with pytest.raises(TypeError, match="sized"):
            RandomCrop(3, sized=3)
