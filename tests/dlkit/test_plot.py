"""Drawings of computational graphs (explore is tested with the checks)."""

import matplotlib
import pytest

import dlkit
from dlkit.plot import draw_graph

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    matplotlib.pyplot.close("all")


def test_nodes_are_in_order_of_computation_and_edges_follow_the_data():
    w, b = dlkit.ones(2, 3, requires_grad=True), dlkit.ones(2, requires_grad=True)
    loss = (w @ dlkit.ones(3) + b).sum()
    nodes, edges = draw_graph(loss, names={"w": w, "b": b, "loss": loss})
    assert [label for _, label in nodes] == ["w\n2 × 3", "b\n2", "matmul\n2", "add\n2", "loss (sum)"]
    assert sorted(edges) == [(0, 2), (1, 3), (2, 3), (3, 4)]
    assert all(start < end for start, end in edges)


def test_every_node_is_a_box_and_every_edge_an_arrow():
    x = dlkit.ones(2, requires_grad=True)
    figure, ax = matplotlib.pyplot.subplots()
    nodes, edges = draw_graph((x * x).sum(), ax=ax)
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == len(edges) == 3  # x enters the product twice
    assert len(ax.texts) - len(arrows) == len(nodes) == 3


def test_without_a_graph_it_says_so():
    with pytest.raises(ValueError, match="draw_graph: this tensor does not require a gradient"):
        draw_graph(dlkit.ones(2))
