"""Write a Markdown file as a comment on a pull request, or update the comment that an earlier run wrote (see action.yml).

It needs Python alone. The comment is found by its first line and its author, so that a comment of anybody else stays as it is.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MARK = "<!-- slimmer -->"
LIMIT = 60_000
"""Characters of a comment. GitHub takes 65,536."""

PER_PAGE = 100
MOST_PAGES = 30
TIMEOUT = 60


def main(environment: Mapping[str, str]) -> int:
    """Write or update the comment. Return the exit code."""
    number = environment.get("COMMENT_PULL_REQUEST", "")
    if not (number.isascii() and number.isdigit()):
        print("comment.py: this run belongs to no pull request, so there is no comment")
        return 0
    try:
        mark = mark_of(environment.get("COMMENT_KEY", ""))
        text = body(Path(environment["COMMENT_FILE"]).read_text(encoding="utf-8", errors="replace"), mark)
        own = find(environment, number, mark)
        where = f"issues/comments/{own}" if own else f"issues/{number}/comments"
        answer = call(environment, "PATCH" if own else "POST", where, {"body": text})
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors
        print(f"comment.py: {reason(error)}", file=sys.stderr)
        return 1
    print(answer.get("html_url", ""))
    return 0


def mark_of(key: str) -> str:
    """Return the first line of the comment with this key. Raise ValueError if it could end the line or the HTML comment."""
    if not key:
        return MARK
    if not re.fullmatch(r"[A-Za-z0-9_./:@+ -]{1,200}", key) or "--" in key:
        raise ValueError("the key may have letters, digits, spaces and _ . / : @ + -, but not --")
    return MARK.replace(" -->", f": {key} -->")


def body(text: str, mark: str) -> str:
    """Return the text of the comment: it begins with the mark, and is not too long."""
    marked = f"{mark}\n{text.removeprefix(MARK).removeprefix(chr(10))}"
    if len(marked) <= LIMIT:
        return marked
    return (
        marked[:LIMIT].rpartition("\n")[0]
        + "\n\nThe comparison is longer than a comment may be. The artifact has all of it."
    )


def find(environment: Mapping[str, str], number: str, mark: str) -> int | None:
    """Return the ID of this action's comment, or None."""
    for comment in comments(environment, number):
        by = (comment.get("user") or {}).get("login")
        if by == environment["COMMENT_AUTHOR"] and str(comment.get("body", "")).startswith(mark):
            return int(comment["id"])
    return None


def comments(environment: Mapping[str, str], number: str) -> Iterator[dict[str, Any]]:
    """Yield the comments on a pull request, the oldest first."""
    for page in range(1, MOST_PAGES + 1):
        found = call(environment, "GET", f"issues/{number}/comments?per_page={PER_PAGE}&page={page}")
        yield from found
        if len(found) < PER_PAGE:
            return


def call(environment: Mapping[str, str], method: str, path: str, data: object = None) -> Any:
    """Send a request to GitHub's API and return its answer. Raise OSError if that fails."""
    url = f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/{path}"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {environment['COMMENT_TOKEN']}",
        "Content-Type": "application/json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    content = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - the runner sets the URL
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
        return json.load(answer)


def reason(error: Exception) -> str:
    """Return what went wrong, and what to do if the token may not write."""
    if isinstance(error, urllib.error.HTTPError) and error.code in {401, 403, 404}:
        return f"GitHub refused the comment ({error}). The job needs `permissions: pull-requests: write`; pull requests of forks have no such token."
    return str(error)


if __name__ == "__main__":
    sys.exit(main(os.environ))
