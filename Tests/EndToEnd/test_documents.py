"""Everything that the documentation names exists: tests, files, pages. Claims, rules and error codes name the tests that show them."""

import ast
import functools
import itertools
import pathlib
import re

import pytest

import contract
from contract import ROOT

CATALOGUE = ROOT / "Sources" / "autotask-worker" / "Documentation.docc"
PAGES = sorted(CATALOGUE.glob("*.md"))
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy" / "portal" / "README.md"]
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
    """The names in code spans of this form, each with its page."""
    return [
        pytest.param(match, id=f"{page.stem}: {match.group()}")
        for page in TEXTS
        for span in dict.fromkeys(spans(page.read_text(encoding="utf-8")))
        if (match := pattern.fullmatch(span))
    ]


# What there is


@functools.cache
def suites():
    """The tests of each suite of swift-testing, by module and name, each with the lines above its body."""
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


def shown_by(name):
    """What a test shows by its name and docstring, given the name that a page cites."""
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


# Citations

#: A citation in a comment: a page of the catalogue, and on it a heading, the numbers of rules, or those of decisions.
CITATION = re.compile(
    r"`(?P<page>[A-Z][\w-]*)`(?:,\s+\"(?P<heading>[A-Z][^\"]*)\"|\s+(?P<numbers>[LA]?\d+(?:(?:,|\s+and|\s+to)\s+[LA]?\d+)*))"
    r"|`(?P<whole>[A-Z][a-z]+(?:-[a-z]+)+)`"
)
#: A file of the project, by its name or its path.
MENTION = re.compile(
    r"(?<![\w/.{}$%*-])((?:\.\./)*(?:[\w.+-]+/)*[\w+-]+(?:\.[\w-]+)*\.(?:md|swift|py|mjs)\b"
    r"|(?:Sources|Tests|deploy|schemas|seeds)/[\w.+/-]*\w)"
)
CITING = sorted(
    path
    for folder in ("Sources", "Tests", "deploy", "schemas", "seeds")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and not path.is_symlink() and path != pathlib.Path(__file__).resolve() and path.suffix in ("", ".swift", ".py", ".mjs", ".sh", ".h", ".json", ".yaml", ".conf")
    and not {".build", ".pytest_cache", "__pycache__"} & set(path.parts)
)


def comments(text):
    """Lines that continue a comment are one."""
    return re.sub(r"\n[ \t]*(?:///?|#:?|\*)[ \t]*", " ", text)


def citations(text):
    """The citations whose page the catalogue has, and those that look like one and name no page."""
    pages = {page.stem for page in PAGES}
    for found in CITATION.finditer(comments(text)):
        name = found["page"] or found["whole"]
        # Another name in code spans, before words in quotes or before a number, is none.
        if name in pages or found["whole"] or re.match(r"[LA]\d", found["numbers"] or ""):
            yield found


def headings(page):
    return [re.sub(r"^\d+\. ", "", heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)]


def decisions():
    return [int(number) for number in re.findall(r"^### (\d+)\. ", (CATALOGUE / "Decisions.md").read_text(encoding="utf-8"), flags=re.M)]


def rules():
    return {row[0] for _, _, rows in tables(RULES.read_text(encoding="utf-8")) for row in rows}


def leads_nowhere(citation):
    """Why a citation does not resolve; `None` if it does."""
    page = CATALOGUE / f"{citation['page'] or citation['whole']}.md"
    if not page.is_file():
        return "there is no such page"
    if citation["heading"] and citation["heading"] not in headings(page):
        return "the page has no such heading"
    named = re.findall(r"[LA]?\d+", citation["numbers"] or "")
    known = rules() if page == RULES else set(map(str, decisions())) if page.stem == "Decisions" else set()
    return next((f"there is no {number}" for number in named if number not in known), None)


def test_what_is_cited_is_there():
    cited = [(path, found) for path in CITING for found in citations(path.read_text(encoding="utf-8", errors="replace"))]
    # Or it would pass because it finds none.
    assert len(cited) >= 70 and {"Rules", "Contract", "Decisions", "Sealing-credentials", "Error-codes"} <= {
        found["page"] or found["whole"] for _, found in cited
    }
    assert [f"{path}: {found.group()}: {why}" for path, found in cited if (why := leads_nowhere(found))] == []


def test_decisions_are_cited_by_their_page():
    citing = (path for path in CITING if re.search("design decision", comments(path.read_text(encoding="utf-8", errors="replace")), re.I))
    assert list(citing) == []


@pytest.mark.parametrize(
    "comment",
    [
        "/// As agreed (`Rules` A99).",
        "/// As agreed (`Rules` L1, A99).",
        "/// As agreed (`Decisions` 999).",
        '/// As agreed (`Contract`, "Nowhere").',
        '/// As agreed (`Contract`,\n    /// "Nowhere").',
        "/// As agreed (`Rulings` A1).",
        "/// As agreed (`Sealing-envelopes`).",
    ],
)
def test_a_citation_that_leads_nowhere_is_found(comment):
    assert [found for found in citations(comment) if leads_nowhere(found)]


@functools.cache
def files():
    """Every file of the project, as the endings of its path."""
    paths = [path.relative_to(ROOT).parts for path in ROOT.rglob("*") if not any(part.startswith(".build") for part in path.parts)]
    return {"/".join(parts[start:]) for parts in paths for start in range(len(parts))}


def test_a_file_that_is_mentioned_is_there():
    mentioned = [(path, name) for path in CITING for name in MENTION.findall(path.read_text(encoding="utf-8", errors="replace"))]
    assert len(mentioned) >= 100
    assert [f"{path}: {name}" for path, name in mentioned if name not in files() and not (path.parent / name).exists()] == []


def test_decisions_are_numbered_from_one_on():
    assert decisions() == list(range(1, len(decisions()) + 1)) and len(decisions()) >= 35


def test_contract_lists_every_kind_of_job_with_its_ends():
    text = (CATALOGUE / "Contract.md").read_text(encoding="utf-8")
    ((_, _, jobs),) = [table for table in tables(text) if table[1] == ["kind", "ends in"]]
    every = {event for event in contract.endings("sync") if event.startswith("job.")}
    assert every <= set(spans(text.partition("### Jobs")[2].partition("|")[0]))
    assert [row[0].strip("`") for row in jobs] == contract.job_kinds()
    for kind, ends in jobs:
        assert set(spans(ends)) | every == set(contract.endings(kind.strip("`"))), kind


# Questions

#: A question of an operator, the page and heading that answer it, and the operator's words that a text search has to find there.
QUESTIONS = [
    ("What happens with Retry-After?", "Waiting-and-retries", "Retry-After", ["Retry-After", "retry"]),
    ("Why was my job superseded?", "Troubleshooting", "Why was my job superseded?", ["superseded", "revision", "reset"]),
    ("What does held_up count?", "Waiting-and-retries", "What does held_up count?", ["held_up", "attempt", "circuit breaker"]),
    ("How is a lost create found again?", "Waiting-and-retries", "How is a lost create found again?", ["lost", "marker", "SETTLE_SECONDS"]),
    ("Which warnings stop a sync?", "Before-a-sync", "Which warnings stop a sync", ["ACKNOWLEDGE_WARNINGS", "price_changed", "acknowledge"]),
    ("How are HTTP 500s distinguished?", "Error-codes", "How HTTP 500 answers are distinguished", ["500", "permission_denied", "remote_rejected"]),
    ("What does a reset keep?", "Data-retention", "What does a reset keep?", ["integration.reset", "retained", "audit log"]),
    ("How do I rotate keys?", "Keys", "Rotate keys", ["keys rotate", "keys publish", "keys retire"]),
    ("How do I restore a backup?", "Backups", "Restore a backup", ["store restore", "epoch"]),
    ("What may the portal's broker user do?", "RabbitMQ", "What may the portal's broker user do?", ["autotask.jobs", "autotask.portal.*"]),
    ("Why does a job wait?", "Waiting-and-retries", "Why does a job wait?", ["job.deferred", "quota", "circuit breaker"]),
    ("How fast is it?", "README", "How fast is it?", ["jobs/s", "unchanged sync"]),
]


def anchor(heading):
    """As DocC makes it of a heading."""
    return re.sub(r"[^\w\s-]|_", "", heading).strip().replace(" ", "-")


@pytest.mark.parametrize("question, page, heading, words", QUESTIONS, ids=[question[0] for question in QUESTIONS])
def test_a_question_of_an_operator_has_its_answer(question, page, heading, words):
    path = ROOT / "README.md" if page == "README" else CATALOGUE / f"{page}.md"
    text = path.read_text(encoding="utf-8")
    assert heading in re.findall(r"^##+ (.+)$", text, flags=re.M)
    answer = re.split(r"^##+ ", text.partition(f"# {heading}\n")[2], flags=re.M)[0]
    for word in words:
        assert word in answer, word
    if page != "README":
        assert f"<doc:{page}#{anchor(heading)}>" in (CATALOGUE / "Operating.md").read_text(encoding="utf-8")


def test_a_link_to_a_heading_leads_to_one():
    links = {(page.stem, *link) for page in PAGES for link in re.findall(r"<doc:([\w-]+)#([^>]+)>", page.read_text(encoding="utf-8"))}
    assert len(links) >= len(QUESTIONS)
    assert [link for link in links if link[2] not in map(anchor, headings(CATALOGUE / f"{link[1]}.md"))] == []


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
    """The only table without tests lists assets; every section lists what is not stopped."""
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
    """L1 to L47 and A1 to A25, except what is not built."""
    page, answers, without = [rows for _, _, rows in tables(RULES.read_text(encoding="utf-8"))]
    assert numbers(without) == ["L4", "L5", "L35"]
    assert numbers(page) == [f"L{number}" for number in range(1, 48) if f"L{number}" not in numbers(without)]
    assert numbers(answers) == [f"A{number}" for number in range(1, 26)]
    for rule, _, tests in page + answers:
        for name in spans(tests):
            assert re.search(rf"\b{rule}\b", shown_by(name)), f"{name} does not name {rule}"


def test_every_error_code_has_its_row():
    """In the order of the schema, with its own test."""
    ((_, _, codes),) = [table for table in tables(ERROR_CODES.read_text(encoding="utf-8")) if table[1][0] == "code"]
    listed = [row[0].strip("`") for row in codes]
    assert listed == list(contract.error_codes())
    for code, row in zip(listed, codes, strict=True):
        assert f"test_{code}" in spans(row[-1]), code
