"""What the documentation names is there: tests, files, pages. Claims, rules and error codes name the tests that show them."""

import ast
import functools
import itertools
import re

import pytest

import contract
from contract import ROOT

CATALOGUE = ROOT / "Sources" / "autotask-worker" / "Documentation.docc"
PAGES = sorted(CATALOGUE.glob("*.md"))
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
THREATS = CATALOGUE / "Threat-model.md"
RULES = CATALOGUE / "Rules.md"
ERROR_CODES = CATALOGUE / "Error-codes.md"

SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
#: A suite, with its module where two have one of that name, and one of its tests: `Suite`, `Suite/test`, `Module.Suite/test`.
SUITE = re.compile(r"(?:(?P<module>\w+Tests)\.)?(?P<suite>\w+Tests)(?:/(?P<test>.+))?")
#: A group of what every store does, `Behaviour.keys`.
BEHAVIOUR = re.compile(r"Behaviour\.(\w+)")
#: A test of this directory, or a file of them.
PYTEST = re.compile(r"test_\w+(\.py)?")
PATH = re.compile(r"[\w.+{},-]+(/[\w.+{},-]+)+")


def spans(text):
    return SPAN.findall(text)


def each_named(pattern):
    """What code spans name that have this form, each with its page."""
    return [
        pytest.param(match, id=f"{page.stem}: {match.group()}")
        for page in TEXTS
        for span in dict.fromkeys(spans(page.read_text(encoding="utf-8")))
        if (match := pattern.fullmatch(span))
    ]


# What there is


@functools.cache
def suites():
    """The tests of each suite of swift-testing, by module and name, each with what stands above its body."""
    found = {}
    for path in sorted((ROOT / "Tests").rglob("*Tests*.swift")):
        module = path.relative_to(ROOT / "Tests").parts[0]
        parts = re.split(r"^(?:[a-z]+ )*(?:struct|class|enum|actor|extension) (\w+Tests)\b", path.read_text(encoding="utf-8"), flags=re.M)
        for suite, body in zip(parts[1::2], parts[2::2]):
            tests = re.finditer(r"(?:^ *///[^\n]*\n)* *@Test\b.*?\bfunc (?:`([^`]+)`|(\w+))", body, flags=re.S | re.M)
            found.setdefault((module, suite), {}).update({test.group(1) or test.group(2): test.group() for test in tests})
    return found


@functools.cache
def functions():
    """The tests of this directory, as (name, docstring)."""
    files = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "Tests" / "EndToEnd").glob("test_*.py")]
    nodes = [node for file in files for node in file.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return [(node.name, ast.get_docstring(node) or "") for node in nodes]


def told_by(name):
    """What a test says that it shows, by the name that a page gives it."""
    if match := SUITE.fullmatch(name):
        module, suite, test = match.group("module", "suite", "test")
        found = [tests for (its_module, its_suite), tests in suites().items() if its_suite == suite and module in (None, its_module)]
        return " ".join(tests.get(test, "") for tests in found)
    return " ".join(f"{function} {docstring}" for function, docstring in functions() if function == name)


def is_test(name):
    return any(pattern.fullmatch(name) for pattern in (SUITE, BEHAVIOUR, PYTEST))


@pytest.mark.parametrize("name", each_named(SUITE))
def test_a_suite_that_is_named_is_there_and_the_only_one(name):
    module, suite, test = name.group("module", "suite", "test")
    if (ROOT / "Tests" / suite).is_dir() and not test:
        return
    found = [tests for (its_module, its_suite), tests in suites().items() if its_suite == suite and module in (None, its_module)]
    assert len(found) == 1, f"{len(found)} suites are called {suite}"
    assert test is None or test in found[0]


@pytest.mark.parametrize("name", each_named(BEHAVIOUR))
def test_a_group_of_behaviours_that_is_named_is_there(name):
    files = (ROOT / "Tests" / "StoreConformance").glob("Behaviour+*.swift")
    assert any(f"static let {name.group(1)}: [Behaviour]" in path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("name", each_named(PYTEST))
def test_a_test_of_this_directory_that_is_named_is_there(name):
    if name.group(1):
        assert (ROOT / "Tests" / "EndToEnd" / name.group()).is_file()
    else:
        assert [function for function, _ in functions()].count(name.group()) == 1


@pytest.mark.parametrize("name", each_named(re.compile(r".*swift test.* --filter ([\w.]+).*")))
def test_a_filter_of_tests_that_is_told_finds_some(name):
    modules = re.findall(r'testTarget\(\s*name: "(\w+)"', (ROOT / "Package.swift").read_text(encoding="utf-8"))
    filtered = name.group(1).split(".")[0]
    assert filtered in modules or any(filtered == suite for _, suite in suites())


@pytest.mark.parametrize("name", each_named(PATH))
def test_a_file_that_is_named_is_there(name):
    """Below the project, or below `Sources`."""
    first = name.group().split("/")[0]
    roots = [root for root in (ROOT, ROOT / "Sources") if (root / first).is_dir()]
    alternatives = [part[1:-1].split(",") if part.startswith("{") else [part] for part in re.split(r"(\{[^}]*\})", name.group())]
    for path in map("".join, itertools.product(*alternatives)) if roots else ():
        assert any((root / path).exists() for root in roots), path


def test_readme_lists_every_kind_of_job():
    """In the first paragraph and among the commands, in the order in which `JobKind` has them; each has its schema."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\*\*([a-z-]+)\*\*", readme.partition("\n## ")[0]) == contract.job_kinds()
    assert "| `job " + r"\|".join(contract.job_kinds()) + "` |" in readme
    assert {path.stem for path in (ROOT / "schemas" / "jobs").glob("*.json")} == set(contract.job_kinds())


# Pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_reached_from_the_first_and_what_it_links_to_is_there(page):
    links = set(re.findall(r"<doc:([\w-]+)>", page.read_text(encoding="utf-8")))
    assert links <= {other.stem for other in PAGES}
    assert page.stem == "Documentation" or f"- <doc:{page.stem}>" in (CATALOGUE / "Documentation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_links_to_files_lead_somewhere(page):
    for link in re.findall(r"\]\((?!https?://|#)([^)\s#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


# Claims


def tables(text):
    """Every table as its heading, the names of its columns, and its rows."""
    heading, rows = "", []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            continue
        if rows:
            yield heading, rows[0], rows[2:]
            rows = []
        if line.startswith("#"):
            heading = line.lstrip("# ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_row_with_a_place_for_its_test_names_one(page):
    for heading, columns, rows in tables(page.read_text(encoding="utf-8")):
        if columns[-1] == "test":
            for row in rows:
                assert len(row) == len(columns) and any(map(is_test, spans(row[-1]))), f"{heading}: {row}"


def test_every_claim_of_the_threat_model_names_its_test():
    """What is not in a table with tests is an asset, or something that is said not to be stopped."""
    text = THREATS.read_text(encoding="utf-8")
    claims = [heading for heading, columns, _ in tables(text) if columns[-1] == "test"]
    others = [heading for heading, columns, _ in tables(text) if columns[-1] != "test"]
    assert len(claims) >= 8 and others == ["What is worth protecting"]
    for section in re.split(r"^### ", text, flags=re.M)[2:]:
        before, _, _ = section.partition("\n**Not stopped**")
        assert "\n- " not in before, section.splitlines()[0]
        assert before != section, f"{section.splitlines()[0]} does not say what is not stopped"


def numbers(rows):
    return [row[0] for row in rows]


def test_every_rule_has_its_place_and_names_tests_that_name_it():
    """L1 to L47 and A1 to A25, but for what is not built."""
    page, answers, without = [rows for _, _, rows in tables(RULES.read_text(encoding="utf-8"))]
    assert numbers(without) == ["L4", "L5", "L35"]
    assert numbers(page) == [f"L{number}" for number in range(1, 48) if f"L{number}" not in numbers(without)]
    assert numbers(answers) == [f"A{number}" for number in range(1, 26)]
    for rule, _, tests in page + answers:
        for name in spans(tests):
            assert re.search(rf"\b{rule}\b", told_by(name)), f"{name} does not name {rule}"


def test_every_error_code_has_its_row():
    """In the order of the schema, with its own test."""
    ((_, _, codes),) = tables(ERROR_CODES.read_text(encoding="utf-8"))
    told = [row[0].strip("`") for row in codes]
    assert told == list(contract.error_codes())
    for code, row in zip(told, codes, strict=True):
        assert f"test_{code}" in spans(row[-1]), code
