"""Texts of untrusted images in Markdown: whatever they hold, they are shown and nothing else happens."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from slimmer.report.markdown import code, folded, listing, shortened, table, text, within

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</summary></details><!-- ",
    "<!-- slimmer -->",
    "| a | b |",
    "`code` and ``more`` and ```",
    "**bold** _under_ ~~gone~~",
    "[link](https://evil.example) ![image](https://evil.example/x.png)",
    "https://evil.example/?q=1 www.evil.example me@evil.example",
    "@octocat @org/team",
    "#1 owner/repo#2 GH-3 gh-4 !5 %6 $7 &8 ^9",
    "\n/close\n# heading\n- item\n> quote",
    "\x1b[31mred\u202eover\u2066\x00\r\n",
    "\udce9\udcff",
    "\\",
    "\\|",
    "&lt;b&gt; &#64;octocat",
    "",
    " ",
    "`",
    "x" * 5000,
    "@" * 5000,
]


def render(markdown: str) -> str:
    """The HTML that GitHub's dialect makes of it, with raw HTML allowed: what would be active stays active."""
    html: str = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    return html


def shown(html: str) -> str:
    """The text of HTML, without tags."""
    plain = re.sub(r"<[^>]*>", "", html)
    for name, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        plain = plain.replace(name, character)
    return plain.strip("\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_text_is_shown_as_it_is(name: str) -> None:
    html = render(f"- {text(name)}")
    assert set(re.findall(r"<(/?\w+)", html)) <= {"ul", "/ul", "li", "/li"}
    assert shown(html).replace("\u200b", "").strip() == shortened(name).strip()


@pytest.mark.parametrize("name", HOSTILE)
def test_text_mentions_nobody_and_refers_to_nothing(name: str) -> None:
    """GitHub and GitLab look for these in the rendered text, so a backslash does not help."""
    plain = shown(render(f"- {text(name)}"))
    assert not re.search(r"@\w|#\d|GH-\d", plain, re.IGNORECASE)
    assert "://" not in plain
    assert "www." not in text(name).lower()


@pytest.mark.parametrize("name", HOSTILE)
def test_code_is_one_span_with_the_name_in_it(name: str) -> None:
    html = render(f"- {code(name)}")
    assert re.findall(r"<(/?\w+)", html) == ["ul", "li", "code", "/code", "/li", "/ul"]
    assert shown(html).strip() == shortened(name).strip()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cell_stays_in_its_row(name: str) -> None:
    html = render(table(["", "before", "after"], [[text(name), text(name), "1"], ["b", "2", "3"]]))
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert [row.count("</td>") for row in rows[1:]] == [3, 3]
    assert set(re.findall(r"<(/?\w+)", html)) <= {
        f"{end}{tag}" for tag in ("table", "thead", "tbody", "tr", "th", "td") for end in ("", "/")
    }


def test_a_folded_list_is_closed() -> None:
    html = render(folded("2 shells", listing([code("</details>"), text("</details>")])))
    assert html.count("<details>") == html.count("</details>") == 1


def test_parts_that_do_not_fit_are_left_out_whole() -> None:
    assert list(within(["a" * 10, "b" * 100, "c"], 20, "more")) == ["a" * 10, "c", "more"]
    assert list(within(["a", "b"], 20, "more")) == ["a", "b"]
