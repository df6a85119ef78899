"""The book's figure style, figures that readers can move, and drawings of computational graphs."""

import base64
import html
import io
import itertools

__all__ = ["COLORS", "draw_graph", "explore", "use_style"]

# Okabe and Ito's palette, without its yellow (too light on white): distinguishable with every common form
# of colour blindness. Black comes last so that it is the least used.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MAX_FRAMES = 40  # keeps a page small: 40 frames of 15 kB are 600 kB


def use_style():
    """Set Matplotlib's defaults for the book: sizes legible on a phone, opaque light background, safe colours."""
    import matplotlib.pyplot as plt
    from cycler import cycler

    plt.rcParams.update(
        {
            "figure.figsize": (6.0, 3.6),
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.facecolor": "#ffffff",
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.labelsize": 11,
            "axes.prop_cycle": cycler(color=COLORS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "lines.linewidth": 1.8,
            "legend.frameon": False,
            "image.cmap": "viridis",
        }
    )


def shrink(png):
    """The bytes of a PNG picture with at most 64 colours: a line plot becomes three times smaller."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png))
    if picture.mode == "P":
        return png
    small = io.BytesIO()
    picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def _png(figure):
    """The figure as a small PNG."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png")
    return shrink(raw.getvalue())


def explore(draw, alt, **values):
    """Show a figure with a slider for each parameter of ``draw``.

    Without a kernel (the published page, a notebook that was only opened) the sliders move through frames
    that were drawn beforehand: plain HTML that needs no network and works by keyboard and touch. Where a
    kernel runs, the same call is an ipywidgets control that draws on demand.

    Parameters
    ----------
    draw : callable
        ``draw(**parameters)`` draws with pyplot, or returns a figure, for one choice of the parameters.
    alt : str
        What the figure shows and how it changes, for readers who cannot see it.
    **values : sequence
        For each parameter of ``draw`` the values its slider offers, in order. The first frame shown is the
        first value of each. At most 40 combinations in all.

    Raises
    ------
    ValueError
        If there is no parameter, one has no values, there are more than 40 combinations, or alt is empty.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    if not alt or not str(alt).strip():
        raise ValueError("explore: alt must say in words what the figure shows")
    values = {name: list(options) for name, options in values.items()}
    if not values:
        raise ValueError("explore: give at least one parameter, as name=[values]")
    for name, options in values.items():
        if not options:
            raise ValueError(f"explore: parameter {name!r} has no values")
    combinations = list(itertools.product(*values.values()))
    if len(combinations) > MAX_FRAMES:
        raise ValueError(f"explore: {len(combinations)} combinations of values, at most {MAX_FRAMES} fit on a page")

    def frame(*parameters):
        with plt.ioff():
            figure = draw(**dict(zip(values, parameters, strict=True))) or plt.gcf()
        png = _png(figure)
        plt.close(figure)
        return png

    frames = [frame(*parameters) for parameters in combinations]
    bundle = {"text/plain": f"explore({', '.join(values)}): {alt}", "text/html": _static_html(frames, alt, values)}
    widget = _widget(frame, frames[0], alt, values)
    if widget is not None:
        bundle["application/vnd.jupyter.widget-view+json"] = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": widget.model_id,
        }
    display(bundle, raw=True)


def _label(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


def _address(png):
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _picture(png, alt):
    return f'<img alt="{html.escape(alt)}" style="max-width:100%;height:auto" src="{_address(png)}">'


def _static_html(frames, alt, values):
    """Sliders that choose which frame an image shows.

    Handlers stand inline, since scripts inside an output do not run everywhere. JupyterLab removes them from a
    notebook that it does not trust yet; there the first frame and a hint remain (the book's pages hide the hint).
    """
    update = (
        "const b=this.closest('.dlkit-explore');let k=0;"
        "b.querySelectorAll('input').forEach(i=>{k=k*(+i.max+1)+(+i.value);"
        "const t=i.dataset.labels.split('|')[+i.value];"
        "i.nextElementSibling.textContent=t;i.setAttribute('aria-valuetext',t)});"
        "b.querySelector('img').src=b.dataset.frames.split('|')[k];b.querySelector('small').hidden=true"
    )
    rows = "".join(
        f'<label style="display:flex;gap:.6em;align-items:center;margin:.3em 0">'
        f'<span style="min-width:7em">{html.escape(name.replace("_", " "))}</span>'
        f'<input type="range" min="0" max="{len(options) - 1}" value="0" step="1" style="flex:1;min-height:2em" '
        f'data-labels="{html.escape("|".join(map(_label, options)))}" '
        f'aria-valuetext="{html.escape(_label(options[0]))}" oninput="{update}">'
        f'<output style="min-width:4em">{html.escape(_label(options[0]))}</output></label>'
        for name, options in values.items()
    )
    pictures = [_address(png) for png in frames]
    return (
        f'<div class="dlkit-explore" style="max-width:40em" data-frames="{"|".join(pictures)}">'
        f"{_picture(frames[0], alt)}{rows}<small>Run this cell if the sliders do not move.</small></div>"
    )


def _widget(frame, first, alt, values):
    """The live control, or None where ipywidgets is not installed."""
    try:
        import ipywidgets
    except ImportError:
        return None
    image = ipywidgets.HTML(_picture(first, alt))  # its own Image has no text alternative
    sliders = [
        ipywidgets.SelectionSlider(
            options=[(_label(option), option) for option in options],
            description=name.replace("_", " "),
            style={"description_width": "initial"},
        )
        for name, options in values.items()
    ]

    def update(change):
        image.value = _picture(frame(*(slider.value for slider in sliders)), alt)

    for slider in sliders:
        slider.observe(update, names="value")
    return ipywidgets.VBox([image, *sliders])


def draw_graph(tensor, names=None, ax=None):
    """Draw the tape behind a tensor: leaves and operations as boxes, an arrow for each value that flows.

    Only what gradients pass through is on the tape; constants are not drawn.

    Parameters
    ----------
    tensor : Tensor
        The result of recorded operations, before ``backward`` frees them.
    names : dict from str to Tensor, optional
        Names for leaves (and for tensors on the way).
    ax : matplotlib Axes, optional

    Returns
    -------
    nodes : list of (int, str)
        Every node's position in the order of computation and its label, inputs first.
    edges : list of (int, int)
        Pairs of positions, from input to result.

    Raises
    ------
    ValueError
        If nothing was recorded behind the tensor.
    """
    import matplotlib.pyplot as plt

    if tensor.node is None:
        raise ValueError("draw_graph: this tensor does not require a gradient, so there is no graph behind it")
    nodes, waiting = {tensor.node}, [tensor.node]
    while waiting:
        for parent, _ in waiting.pop().edges or ():
            if parent not in nodes:
                nodes.add(parent)
                waiting.append(parent)
    order = sorted(nodes, key=lambda node: node.order)
    position = {node: i for i, node in enumerate(order)}
    edges = [(position[parent], position[node]) for node in order for parent, _ in node.edges or ()]
    called = {t.node: name for name, t in (names or {}).items()}
    labels = []
    for node in order:
        shape = "\n" + " × ".join(map(str, node.shape)) if node.shape else ""
        title = called.get(node, node.name)
        title = f"{title} ({node.name})" if node in called and node.name != "leaf" else title
        labels.append(title + shape)

    depth = [0] * len(order)  # column: one to the right of the deepest input
    for start, end in edges:
        depth[end] = max(depth[end], depth[start] + 1)
    for i in reversed(range(len(order))):  # then as far right as its uses allow, so that arrows stay short
        depth[i] = min([depth[end] - 1 for start, end in edges if start == i], default=depth[i])
    columns = {}
    for i, d in enumerate(depth):
        columns.setdefault(d, []).append(i)
    places = {}
    for d in sorted(columns, reverse=True):  # each column in the order of the boxes its arrows go to
        uses = {i: [places[end][1] for start, end in edges if start == i] or [0.0] for i in columns[d]}
        columns[d].sort(key=lambda i, uses=uses: -sum(uses[i]) / len(uses[i]))
        places.update({i: (d, (len(columns[d]) - 1) / 2 - row) for row, i in enumerate(columns[d])})

    if ax is None:
        width, height = max(depth) + 1, max(len(column) for column in columns.values())
        _, ax = plt.subplots(figsize=(max(3.0, 1.25 * width), max(1.6, 0.9 * height)))
    xs, ys = zip(*places.values())
    ax.set_xlim(min(xs) - 0.5, max(xs) + 0.5)
    ax.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    boxes = []
    for i in range(len(order)):
        color = "#dbe9f6" if order[i].name == "leaf" else "#fff3d6"
        box = {"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": "#555555"}
        boxes.append(ax.text(*places[i], labels[i], ha="center", va="center", fontsize=9, bbox=box, zorder=3))
    ax.figure.draw_without_rendering()  # gives the boxes the sizes at which arrows end
    for k, (start, end) in enumerate(edges):
        bend = 0.25 * edges[:k].count((start, end))  # a value used twice by one operation: two arrows
        patches = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
        arrow = {"arrowstyle": "-|>", "color": "#555555", "connectionstyle": f"arc3,rad={bend}", **patches}
        ax.annotate("", xy=places[end], xytext=places[start], arrowprops=arrow, zorder=2)
    ax.axis("off")
    return list(enumerate(labels)), edges
