"""The sources: every comparison of a test can fail."""

import ast
import re

import pytest

from contract import ROOT

SWIFT_TESTS = sorted(path for path in (ROOT / "Tests").rglob("*.swift") if ".build" not in path.parts)
PYTHON_TESTS = sorted(path for path in (ROOT / "Tests").rglob("*.py") if ".build" not in path.parts)

OPERAND = r"[\w.?!\[\]()\"]+"
#: An expectation whose condition compares a value with the same expression: `#expect(ids == ids)`.
SWIFT_SELF_COMPARISON = re.compile(
    rf"(?:#expect\(|#require\(|&&|\|\|)\s*(?:try\s+)?(?:await\s+)?(?P<left>{OPERAND})\s*(?:[=!<>]==?|<|>)\s*(?P=left)\s*(?=\)|,|&&|\|\|)"
)


def swift_self_comparisons(text):
    return [found.group("left") for found in SWIFT_SELF_COMPARISON.finditer(text)]


def python_self_comparisons(text):
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            found += [left for left, right in zip(sides, sides[1:]) if left == right]
    return found


@pytest.mark.parametrize("path", SWIFT_TESTS, ids=lambda path: path.name)
def test_no_expectation_compares_an_expression_with_itself(path):
    assert swift_self_comparisons(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PYTHON_TESTS, ids=lambda path: path.name)
def test_no_assertion_compares_an_expression_with_itself(path):
    assert python_self_comparisons(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "#expect(ids == ids)",
        "#expect(reply.ids == reply.ids)",
        "#expect(ids != ids, \"they differ\")",
        "try #require(await counts[0] >= counts[0])",
        "#expect(isOpen && first.id == first.id)",
        "#expect(\n    copy.redriven == copy.redriven\n)",
    ],
)
def test_a_comparison_with_itself_is_found(line):
    assert swift_self_comparisons(line)


@pytest.mark.parametrize("line", ["#expect(ids == expected)", "#expect(a.id == b.id)", "#expect(id == ids[0])", "#expect(ids == ids.sorted())"])
def test_a_comparison_that_can_fail_is_none_of_them(line):
    assert swift_self_comparisons(line) == []


def test_a_comparison_with_itself_is_found_in_python():
    assert python_self_comparisons("assert ids == ids") == ["ids"]
    assert python_self_comparisons("assert found[0]['id'] == found[0][\"id\"]")
    assert python_self_comparisons("assert ids == sorted(ids)") == []
