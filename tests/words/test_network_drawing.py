from itertools import combinations

import pytest

from workbench.spec.experiment import experiment_from
from workbench.spec.layers import IMAGE, Graph, Layer
from workbench.spec.networks import NETWORKS, network_layers
from workbench.words.layers import grouped
from workbench.words.network_drawing import BOX_HEIGHT, Drawing, draw


def drawn(name: str, rows: int) -> Drawing:
    return draw(network_layers(experiment_from({"network": name}), 10), rows)


@pytest.mark.parametrize("name", ["cnn", "resnet9", "airbench94", "resnet18"])
def test_no_box_hides_another_or_leaves_the_drawing(name: str) -> None:
    assert name in NETWORKS
    for rows in (4, 9, 100):
        drawing = drawn(name, rows)
        for box in drawing.boxes:
            assert 0 <= box.x <= drawing.width - box.width
            assert 0 <= box.y <= drawing.height - BOX_HEIGHT
        for one, other in combinations(drawing.boxes, 2):
            apart = abs(one.y - other.y) >= BOX_HEIGHT
            assert apart or one.x + one.width <= other.x or other.x + other.width <= one.x
        for x, y in (point for line in drawing.lines for point in line):
            assert 0 <= x <= drawing.width
            assert 0 <= y <= drawing.height


def test_a_sum_has_a_line_from_each_way() -> None:
    drawing = drawn("resnet18", 100)
    ends = [line[-1] for line in drawing.lines]
    sums = [box for box in drawing.boxes if box.kind == "add"]
    assert len(sums) == 8
    for box in sums:
        inside = [box.x <= x <= box.x + box.width and 0 <= y - box.y < BOX_HEIGHT for x, y in ends]
        assert sum(inside) == 2
    beside = [str(box.title) for box in drawing.boxes if not box.shape]
    assert beside == ["Conv 1×1, 64 → 128", "Conv 1×1, 128 → 256", "Conv 1×1, 256 → 512"]


def test_few_rows_make_columns() -> None:
    assert drawn("resnet18", 10).width > drawn("resnet18", 100).width
    assert drawn("resnet18", 10).height < drawn("resnet18", 100).height


def test_groups_are_read_as_people_do() -> None:
    groups = grouped(network_layers(experiment_from({"network": "resnet9"}), 10))
    texts = [" + ".join(map(str, (group.title, *group.details))) for group in groups]
    assert texts[0] == "Conv 3×3, 3 → 64 + batch norm + ReLU"
    assert texts[-2:] == ["Max pool 4×4", "Linear 512 → 10 + times 0.125"]
    assert groups[5].of == (2, 4)
    assert sum(group.parameters for group in groups) == 6_573_120


def test_a_network_that_is_no_chain_of_known_layers() -> None:
    graph = Graph()
    start = graph.add("other", name="Attention")
    graph.add("other", name="Mix", of=(start, -1))
    graph.add("flatten", "", (3072,))
    drawing = draw(graph.layers)
    assert [str(box.title) for box in drawing.boxes] == ["Image", "Attention", "Mix"]
    assert len(drawing.lines) == 3
    assert len(draw((Layer("flatten", "", IMAGE, (3072,)),)).boxes) == 2
