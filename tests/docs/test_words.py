"""The prose of README.md, CONTRIBUTING.md and docs: short sentences in the field's standard terms."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
LONGEST_SENTENCE = 30
"""Words."""

INSTEAD = {
    r"onlookers?": "observer, recorder",
    r"anew": "again, reset, re-placed",
    r"held": "paused, delayed, kept, frozen, compared, clamped",
    r"turn rates?": "yaw rate",
    r"(?:its|whose|row's|each|a|by|in) turns?": "periodic update; alternately",
    r"shells?": "wrapper",
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


def long_sentences(markdown: str) -> list[str]:
    """Each sentence of the prose that is too long, with the line where its paragraph begins."""
    return [
        f"line {line}, {words(sentence)} words: {sentence}"
        for line, text in prose(markdown, tables=False, headings=False)
        for sentence in sentences(text)
        if words(sentence) > LONGEST_SENTENCE
    ]


def house_words(markdown: str) -> list[str]:
    """Each house word, tables and headings included, with its line and what to write instead."""
    return [
        f"line {line}: {found[0]!r}: write {instead}"
        for line, text in prose(markdown, tables=True, headings=True)
        for pattern, instead in INSTEAD.items()
        for found in re.finditer(rf"\b{pattern}\b", text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_sentence_is_long(page: Path) -> None:
    assert long_sentences(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_house_words(page: Path) -> None:
    assert house_words(page.read_text(encoding="utf-8")) == []


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
