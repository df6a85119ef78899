"""Every operation: value and gradient against PyTorch in two precisions, and finite differences."""

import pytest

from dlkit import Tensor

from . import parity
from .parity import CASES, MODULES, TABLE, TOLERANCE

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@every_case
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_agrees_with_pytorch(case, dtype):
    result = parity.run(case, dtype)
    assert result.value <= TOLERANCE[dtype]
    assert result.gradient <= TOLERANCE[dtype]


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=lambda case: case.id)
def test_gradient_agrees_with_finite_differences(case):
    assert parity.check_differences(case)


def test_every_public_operation_is_in_the_table():
    assert set(TABLE) == parity.public_operations()


def test_cases_have_distinct_names():
    assert len({case.id for case in CASES}) == len(CASES)


NO_METHODS = {"ops.where", "shape_ops.cat", "shape_ops.einsum", "shape_ops.stack"}  # x.where(condition, y) puts x first


@pytest.mark.parametrize(
    "operation", sorted(n for n in set(TABLE) - NO_METHODS if n.split(".")[0] in ("ops", "shape_ops"))
)
def test_method_is_the_function(operation):
    module, name = operation.split(".")
    method = "__getitem__" if name == "getitem" else name
    assert getattr(Tensor, method) is getattr(MODULES[module], name)


def test_the_list_can_be_printed(capsys):
    parity.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TABLE) + 1 and "matmul" in "".join(lines)
