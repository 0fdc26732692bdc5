"""The sources: every comparison of a test can fail, and every link of a doc comment names a symbol."""

import ast
import re

import pytest

from contract import ROOT
from swift_sources import Sources

SWIFT_SOURCES = sorted((ROOT / "Sources").rglob("*.swift"))
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


# Symbols

MODULES = {"Swift", *(path.name for path in (ROOT / "Sources").iterdir())}


def test_every_link_of_a_doc_comment_names_a_symbol():
    """DocC checks those of the executable alone."""
    sources = Sources({str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SWIFT_SOURCES})
    # Those of other modules than the product's.
    sources.members[""].add("String")
    assert sum(map(len, sources.links.values())) > 300
    stale = [f"{name}: {link.text}" for name, links in sources.links.items() for link in links if not sources.resolves(link, MODULES)]
    assert stale == []


def test_a_link_that_names_nothing_is_found():
    text = """
        struct Lane {
            enum Kind { case open, closed(reason: String) }
            /// LINK
            func claim(_ name: String = "}", by worker: Int) { let hidden = 1 }
            subscript(key: Int) -> Int { key }
        }
        """

    def resolves(link):
        sources = Sources({"Lane.swift": text.replace("LINK", f"``{link}``")})
        return all(sources.resolves(found, {"Store"}) for found in sources.links["Lane.swift"])

    named = ["Lane", "claim(_:by:)", "Lane/claim(_:by:)", "Kind/open", "Store/Lane/Kind/closed(reason:)", "subscript(_:)", "claim"]
    assert all(map(resolves, named))
    assert not any(map(resolves, ["Lanes", "claim(_:)", "Lane/hidden", "hidden", "Kind/shut", "open", "Stores/Lane", "Lane/Lane"]))
