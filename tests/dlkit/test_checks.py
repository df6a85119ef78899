"""The checks themselves: they hold when they should, and refuse when they should. And the figures with sliders."""

import base64
import re

import numpy as np
import pytest
import torch

import dlkit
from dlkit import check, check_close, gradcheck, plot
from dlkit.autograd import record
from dlkit.checks import GradcheckError
from dlkit.plot import explore

# --- check --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "truth", [True, np.True_, np.array(True), np.array([True]), dlkit.tensor(True), torch.tensor(True), 1 < 2]
)
def test_check_prints_what_holds(truth, capsys):
    check("One is less than two.", truth)
    assert capsys.readouterr().out == "✓ One is less than two.\n"


@pytest.mark.parametrize("truth", [False, np.False_, dlkit.tensor([False]), torch.tensor(False)])
def test_check_raises_what_does_not(truth, capsys):
    with pytest.raises(AssertionError, match="^does not hold: Two is less than one.$"):
        check("Two is less than one.", truth)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "condition",
    [1, 0, 1.0, "yes", None, [], [True, True], np.array([True, True]), np.array([], bool), dlkit.ones(2) > 0, np.nan],
)
def test_check_wants_one_boolean(condition):
    with pytest.raises(TypeError, match="condition must be a single boolean"):
        check("Something.", condition)


@pytest.mark.parametrize("claim", [True, None, 3])
def test_check_wants_the_claim_first(claim):
    with pytest.raises(TypeError, match="claim must be a string"):
        check(claim, True)


# --- check_close --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance"),
    [
        (1.0, 1.0, {}),
        (1, 1.0 + 1e-11, {}),
        (np.ones((2, 3)), 1.0, {}),
        (dlkit.ones(2, 2), torch.ones(2, 2), {}),
        (dlkit.ones(2, requires_grad=True), [1, 1], {}),
        (torch.ones(2, requires_grad=True), (1.0, dlkit.tensor(1.0)), {}),
        (1.1, 1.0, {"atol": 0.2}),
        (110.0, 100.0, {"rtol": 0.2, "atol": 0}),
        ([np.inf, -np.inf], [np.inf, -np.inf], {}),
        ([], [], {}),
        (np.array([3, 4], np.uint8), np.array([3, 4], np.uint8), {}),
        (np.array([True, False]), [True, False], {}),
    ],
)
def test_close(actual, expected, tolerance, capsys):
    check_close("They agree.", actual, expected, **tolerance)
    assert capsys.readouterr().out == "✓ They agree.\n"


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance", "words"),
    [
        (1.0, 1.1, {}, r"got 1.0, expected 1.1; tolerance rtol=0, atol=1e-10"),
        ([1.0, 2.0, 5.0], [1.0, 2.1, 4.0], {"atol": 0.5}, r"got 5.0, expected 4.0 at index \(2,\)"),
        (np.nan, 1.0, {}, "got nan"),
        (np.nan, np.nan, {}, "got nan, expected nan"),
        ([1.0, np.nan], 1.0, {"atol": 9}, r"got nan, expected 1.0 at index \(1,\)"),
        (1.0, np.inf, {}, "expected inf"),
        (np.inf, -np.inf, {}, "got inf, expected -inf"),
        (1.0, np.inf, {"rtol": 0.1}, "expected inf"),
        (np.array([3, 4], np.uint8), np.array([4, 4], np.uint8), {}, r"got 3, expected 4 at index \(0,\)"),
        (np.array([True, False]), [True, True], {}, r"at index \(1,\)"),
        (np.ones((2, 2)), 2.0, {}, r"at index \(0, 0\)"),
    ],
)
def test_not_close(actual, expected, tolerance, words, capsys):
    with pytest.raises(AssertionError, match=f"^does not hold: They agree. .*{words}"):
        check_close("They agree.", actual, expected, **tolerance)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("actual", "expected"), [(np.ones(3), np.ones(2)), (1.0, [1.0]), (np.ones((2, 1)), np.ones(2))]
)
def test_close_compares_no_different_shapes(actual, expected):
    with pytest.raises(ValueError, match="actual has shape .* but expected has shape"):
        check_close("They agree.", actual, expected)


# --- gradcheck ----------------------------------------------------------------------------------------------------


def wrong(x, factor):
    """x**2, with a gradient that is off by a factor."""
    return record("wrong", x.data**2, (x, lambda g: g * 2 * x.data * factor, x))


@pytest.fixture
def point():
    return dlkit.tensor([[0.5, -1.0], [2.0, 1.5]], dtype=dlkit.float64, requires_grad=True)


class TestGradcheck:
    def test_right_gradient(self, point):
        assert gradcheck(lambda x: wrong(x, 1.0), point) is True
        assert gradcheck(lambda x, y: dlkit.exp(x) @ y, [point, dlkit.tensor(point, requires_grad=True)]) is True

    def test_wrong_gradient_is_named(self, point):
        message = r"derivative of output element 0 with respect to input 0 at index \(0, 0\) is 1.1, but central "
        with pytest.raises(GradcheckError, match=message + r"differences give [01][.0-9]* \(4 of 16 entries differ\)"):
            gradcheck(lambda x: wrong(x, 1.1), point)

    def test_second_input_is_named(self, point):
        other = dlkit.ones(2, 2, dtype=dlkit.float64, requires_grad=True)
        with pytest.raises(GradcheckError, match="with respect to input 1 at"):
            gradcheck(lambda x, y: x * wrong(y, -1), (point, other))

    def test_can_answer_instead(self, point):
        assert gradcheck(lambda x: wrong(x, 1.1), point, raise_exception=False) is False

    def test_tolerances(self, point):
        assert gradcheck(lambda x: wrong(x, 1.0005), point)
        assert not gradcheck(lambda x: wrong(x, 1.0005), point, rtol=1e-6, atol=1e-6, raise_exception=False)
        assert gradcheck(lambda x: wrong(x, 1.1), point, rtol=0.2)

    def test_gradient_that_is_nan(self, point):
        assert not gradcheck(lambda x: wrong(x, np.nan), point, raise_exception=False)

    def test_gradient_that_is_missing(self, point):
        assert not gradcheck(lambda x: (x * x.detach()).sum(), point, raise_exception=False)

    def test_kink(self):
        assert not gradcheck(dlkit.relu, dlkit.zeros(1, dtype=dlkit.float64, requires_grad=True), raise_exception=False)

    def test_leaves_everything_as_it_was(self, point):
        before = point.data.copy()
        (point * 3).sum().backward()
        gradcheck(lambda x: x.sum(), point)
        gradcheck(lambda x: wrong(x, 2), point, raise_exception=False)
        assert (point.data == before).all() and (point.grad == 3).sum().item() == 4

    def test_leaves_the_input_as_it_was_when_the_function_fails(self, point):
        before = point.data.copy()
        calls = []

        def fails(x):
            calls.append(1)
            return x * 1 if len(calls) < 3 else 1 / 0

        with pytest.raises(ZeroDivisionError):
            gradcheck(fails, point)
        assert (point.data == before).all()

    def test_constant_inputs_are_left_out(self, point):
        assert gradcheck(lambda x, y: x * y, (point, dlkit.tensor([2.0, 3.0])))

    def test_wants_a_gradient_and_float64(self, point):
        with pytest.raises(ValueError, match="no input requires a gradient"):
            gradcheck(dlkit.exp, point.detach())
        with pytest.raises(ValueError, match="input 1 is float32; finite differences need float64"):
            gradcheck(dlkit.mul, (point, dlkit.ones(2, requires_grad=True)))


# --- explore ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """What explore displays."""
    import IPython.display
    import matplotlib.pyplot as plt

    bundles = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: bundles.append(bundle))
    yield bundles
    assert plt.get_fignums() == [], "a figure was left open"


def line(slope=1, offset=0.5):
    import matplotlib.pyplot as plt

    plt.plot([0, 1], [offset, offset + slope])


class TestExplore:
    def test_one_frame_for_each_combination(self, shown):
        explore(line, alt="A line.", slope=[1, 2, 3], offset=[0.5, 1.25])
        (bundle,) = shown
        page = bundle["text/html"]
        frames = re.search(r'data-frames="([^"]*)"', page)[1].split("|")
        pngs = [base64.b64decode(frame.removeprefix("data:image/png;base64,")) for frame in frames]
        assert all(png.startswith(b"\x89PNG") for png in pngs) and len(set(pngs)) == len(pngs) == 6
        assert max(map(len, pngs)) < 20_000
        assert bundle["text/plain"] == "explore(slope, offset): A line."

    def test_one_image_that_shows_the_first_frame(self, shown):
        """JupyterLab strips attributes such as hidden from notebooks it does not trust: all images would show."""
        explore(line, alt="A line.", slope=[1, 2, 3])
        page = shown[0]["text/html"]
        (image,) = re.findall(r"<img([^>]*)>", page)
        assert 'alt="A line."' in image
        assert re.search(r'src="([^"]*)"', image)[1] == re.search(r'data-frames="([^"|]*)', page)[1]
        assert "Run this cell if the sliders do not move." in page

    def test_the_live_control_draws_anew(self, shown, monkeypatch):
        calls, controls, make = [], [], plot._widget
        monkeypatch.setattr(plot, "_widget", lambda *a: controls.append(make(*a)) or controls[-1])
        explore(lambda slope: (calls.append(slope), line(slope))[1], alt="A line.", slope=[1, 2])
        image, slider = controls[0].children
        view = shown[0]["application/vnd.jupyter.widget-view+json"]
        before, slider.value = image.value, 2
        assert view["model_id"] == controls[0].model_id
        assert calls == [1, 2, 2] and image.value != before

    def test_one_labelled_range_for_each_parameter(self, shown):
        explore(line, alt="A line.", slope=[1, 2, 3], offset=[0.5, 1.25])
        page = shown[0]["text/html"]
        ranges = re.findall(r"<label[^>]*>\s*<span[^>]*>([^<]*)</span>\s*<input([^>]*)>", page)
        assert [name for name, _ in ranges] == ["slope", "offset"]
        assert all('type="range"' in i and 'min="0"' in i and 'step="1"' in i for _, i in ranges)
        assert ['max="2"' in ranges[0][1], 'max="1"' in ranges[1][1]] == [True, True]
        assert 'data-labels="1|2|3"' in ranges[0][1] and 'aria-valuetext="0.5"' in ranges[1][1]

    def test_needs_no_network_and_no_kernel(self, shown):
        explore(line, alt="A line.", slope=[1, 2])
        assert not re.search(r"https?:|<script|require", shown[0]["text/html"])

    def test_frames_are_in_the_order_in_which_the_sliders_count(self, shown):
        calls = []
        explore(lambda **p: (calls.append(p), line())[1], alt="A line.", a=[1, 2], b=["x", "y"])
        assert calls[:4] == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]
        assert "k=k*(+i.max+1)+(+i.value)" in shown[0]["text/html"]  # the last one counts fastest

    def test_is_repeatable(self, shown):
        for _ in range(2):
            explore(line, alt="A line.", slope=[1, 2])
        assert shown[0]["text/html"] == shown[1]["text/html"]

    def test_figure_may_be_returned(self, shown):
        import matplotlib.pyplot as plt

        def draw(n):
            figure, axes = plt.subplots()
            axes.plot(range(n))
            plt.subplots()  # another one becomes the current figure; the caller's business
            plt.close()
            return figure

        explore(draw, alt="Points.", n=[2, 3])
        assert shown[0]["text/html"].count("data:image/png") == 1 + 2  # shown at first, and the frames

    def test_alt_and_labels_are_escaped(self, shown):
        explore(lambda kind: line(), alt='Less < "more" & so on', kind=['"a"', "<b>"])
        page = shown[0]["text/html"]
        assert 'alt="Less &lt; &quot;more&quot; &amp; so on"' in page and "<b>" not in page

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({}, "at least one parameter"),
            ({"slope": []}, "parameter 'slope' has no values"),
            ({"slope": range(41)}, "41 combinations of values, at most 40"),
            ({"slope": range(7), "offset": range(6)}, "42 combinations"),
        ],
    )
    def test_limits(self, values, message, shown):
        with pytest.raises(ValueError, match=message):
            explore(line, alt="A line.", **values)
        assert not shown

    @pytest.mark.parametrize("alt", ["", "  ", None])
    def test_wants_a_text_alternative(self, alt):
        with pytest.raises(ValueError, match="alt must say in words"):
            explore(line, alt=alt, slope=[1])
