"""The prose of README.md, CONTRIBUTING.md, docs and docstrings: short sentences in the field's standard terms."""

import ast
import re
from collections.abc import Iterator
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
SOURCES = sorted(path for folder in ("snn_core", "nodes", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
LONGEST_SENTENCE = 30
"""Words."""

INSTEAD = {
    r"onlookers?": "observer, recorder",
    r"anew": "again, reset, re-placed",
    r"held": "paused, delayed, kept, frozen, compared, clamped",
    r"turn rates?": "yaw rate",
    r"(?:its|whose|row's|each|a|by|in) turns?": "periodic update; alternately",
    r"(?<!Unix )shells?": "wrapper",
    r"rooms?": "package",
    r"verbs?": "command, make target",
    r"twins?": "reference implementation",
    r"at hand": "available",
}
"""House words as regular expressions, and the standard terms for them."""

ABBREVIATIONS = ("al.", "e.g.", "Eq.", "Fig.", "i.e.", "p.", "pp.", "vs.")


def prose(markdown: str, tables: bool, headings: bool) -> Iterator[tuple[int, str]]:
    """Line number and text of each paragraph and list item, without code, pictures and the targets of links.

    tables, headings: whether their text is given, too.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    line = 0
    for before, token in pairwise(tokens):
        line = token.map[0] + 1 if token.map else line
        in_cell, in_heading = before.type in ("td_open", "th_open"), before.type == "heading_open"
        if token.type == "inline" and (tables or not in_cell) and (headings or not in_heading):
            yield line, "".join(_text(part) for part in token.children or [])


def _text(part: Token) -> str:
    if part.type == "code_inline":
        return "CODE"
    if part.type in ("softbreak", "hardbreak"):
        return " "
    return part.content if part.type == "text" else ""


def sentences(text: str) -> list[str]:
    """The text cut after each full stop, question mark and exclamation mark that is followed by a space."""
    parts: list[str] = []
    for piece in re.split(r"(?<=[.!?])[\"')]*\s+", text):
        if parts and parts[-1].split()[-1].lstrip("(") in ABBREVIATIONS:
            parts[-1] += f" {piece}"
        else:
            parts.append(piece)
    return parts


def words(sentence: str) -> int:
    """How many words: what stands between spaces and has a letter or a digit."""
    return sum(any(map(str.isalnum, word)) for word in sentence.split())


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """First line and text of each docstring, those of attributes included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, cleandoc(node.value.value)


def docstring_prose(source: str, blocks: bool) -> Iterator[tuple[int, str]]:
    """Line number and text of each paragraph, list item and entry of a section such as "Raises:", without code.

    blocks: whether each line of indented blocks, which are equations and tables, is given, too.
    """
    for first, docstring in docstrings(source):
        for line, text in _paragraphs(docstring, blocks):
            yield first + line, re.sub(r"``[^`]*``", "CODE", text)


def _paragraphs(docstring: str, blocks: bool) -> Iterator[tuple[int, str]]:
    """Each with its line, counted from 0."""
    start, parts = 0, list[str]()
    in_section = in_item = False
    for number, line in enumerate([*docstring.splitlines(), ""]):
        indented, text = line.startswith(" "), line.strip()
        is_item = re.match(r"([-*]|\d+\.) ", text) is not None
        is_heading = re.fullmatch(r"[A-Z]\w+:", line) is not None
        is_entry = in_section and re.match(r" {4}\w[\w, ]*: ", line) is not None
        is_block = indented and not (in_section or in_item or is_item)
        if parts and (not text or is_item or is_heading or is_entry or is_block):
            yield start, " ".join(parts)
            parts = []
        if text and not indented:
            in_section, in_item = is_heading, is_item or (in_item and bool(parts))
        if is_block:
            if blocks:
                yield number, text
        elif text and not is_heading:
            start = start if parts else number
            parts.append(text)


def too_long(paragraphs: Iterator[tuple[int, str]]) -> list[str]:
    """Each sentence that is too long, with the line where its paragraph begins."""
    return [
        f"line {line}, {words(sentence)} words: {sentence}"
        for line, text in paragraphs
        for sentence in sentences(text)
        if words(sentence) > LONGEST_SENTENCE
    ]


def in_house(paragraphs: Iterator[tuple[int, str]]) -> list[str]:
    """Each house word, with the line where its paragraph begins and what to write instead."""
    return [
        f"line {line}: {found[0]!r}: write {instead}"
        for line, text in paragraphs
        for pattern, instead in INSTEAD.items()
        for found in re.finditer(rf"\b{pattern}\b", text, re.IGNORECASE)
    ]


def long_sentences(markdown: str) -> list[str]:
    """Of a page, but for its tables and headings."""
    return too_long(prose(markdown, tables=False, headings=False))


def house_words(markdown: str) -> list[str]:
    """Of a page, tables and headings included."""
    return in_house(prose(markdown, tables=True, headings=True))


def long_docstring_sentences(source: str) -> list[str]:
    """Of a module's docstrings, but for equations and tables."""
    return too_long(docstring_prose(source, blocks=False))


def docstring_house_words(source: str) -> list[str]:
    """Of a module's docstrings, tables included."""
    return in_house(docstring_prose(source, blocks=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_sentence_is_long(page: Path) -> None:
    assert long_sentences(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_house_words(page: Path) -> None:
    assert house_words(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_docstring_sentence_is_long(source: Path) -> None:
    assert long_docstring_sentences(source.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_house_words_in_docstrings(source: Path) -> None:
    assert docstring_house_words(source.read_text(encoding="utf-8")) == []


LONG = " ".join(["word"] * (LONGEST_SENTENCE + 1))
SHORT = " ".join(["word"] * LONGEST_SENTENCE)


@pytest.mark.parametrize(
    "markdown",
    [
        f"{LONG}.",
        f"- {LONG}",
        f"Short. {LONG}! Short.",
        f"1. One.\n2. Two:\n   {LONG}",
        f"word [{SHORT}](target.md)",
        f"word **{SHORT}**.",
        f"`code` {SHORT}",
        f"As Bing et al. {SHORT}",
    ],
)
def test_a_long_sentence_is_found(markdown: str) -> None:
    assert len(long_sentences(markdown)) == 1


@pytest.mark.parametrize(
    "markdown",
    [
        f"{SHORT}. {SHORT}? {SHORT}",
        f"- {SHORT}\n- {SHORT}",
        f"# {LONG}",
        f"| a |\n|---|\n| {LONG} |",
        f"text\n\n    {LONG}",
        f"```\n{LONG}\n```",
        f"Run `{LONG}` - now.",
        f"[link](<{LONG}>)",
        f"![{LONG}](picture.png)",
    ],
)
def test_what_is_no_long_sentence(markdown: str) -> None:
    assert long_sentences(markdown) == []


def test_house_words_are_found_but_in_code() -> None:
    text = "# An Onlooker\n\n| a |\n|---|\n| held back |\n\nTold `held` that `x.held` is\n\n    anew\n\nset anew."
    assert [finding.split(": write")[0] for finding in house_words(text)] == [
        "line 1: 'Onlooker'",
        "line 5: 'held'",
        "line 11: 'anew'",
    ]


@pytest.mark.parametrize(
    "docstring",
    [
        f"{LONG}.",
        f"Short.\n\n{LONG}",
        f"``code`` {SHORT}",
        f"- Short\n- {LONG}",
        f"- word\n  {SHORT}",
        f"word\n{SHORT}",
        f"Short.\n\nArgs:\n    name: {SHORT}",
        f"Short.\n\nRaises:\n    Error: word\n        {SHORT}",
        f"Short.\n\nRaises:\n    Error: short\n\n{LONG}",
    ],
)
def test_a_long_sentence_of_a_docstring_is_found(docstring: str) -> None:
    assert len(long_docstring_sentences(f'x = 1\n"""{docstring}"""\n')) == 1


@pytest.mark.parametrize(
    "docstring",
    [
        f"{SHORT}.\n{SHORT}? {SHORT}",
        f"{SHORT}\n\n{SHORT}",
        f"{SHORT}\n- {SHORT}\n* {SHORT}",
        f"Short.\n\nArgs:\n    name: short\n    other: {' '.join(['word'] * (LONGEST_SENTENCE - 1))}",
        f"Equations:\n\n{SHORT}",
        f"{SHORT}:\n    {LONG}\n{SHORT}",
        f"Told ``{LONG}`` again.",
    ],
)
def test_what_is_no_long_sentence_of_a_docstring(docstring: str) -> None:
    assert long_docstring_sentences(f'def f():\n    """{docstring}"""\n    return "{LONG}"\n') == []


def test_house_words_of_docstrings_are_found_but_in_code() -> None:
    source = '"""Short.\n\nAn Onlooker of ``held``:\n\n    a   held back\n"""\nx = "anew"  # anew\n"""Set anew."""\n'
    assert [finding.split(": write")[0] for finding in docstring_house_words(source)] == [
        "line 3: 'Onlooker'",
        "line 5: 'held'",
        "line 8: 'anew'",
    ]
