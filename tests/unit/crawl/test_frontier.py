"""The order of a crawl, its end, and what it keeps; against models of apps that open files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import given
from hypothesis import strategies as st

from slimmer.exercise.crawl.frontier import IDLE_SHAPES, MOST_FOUND, PATIENCE, WIDTH, Frontier, Target, fewer

Opens = Callable[[str], Iterable[str]]


def crawled(paths: Iterable[str], opens: Opens, *, most: int = 1 << 20) -> tuple[Frontier, list[str], list[str]]:
    """Ask an app whose pages open these files. Return the paths in the order of asking, and those that are kept."""
    frontier, opened, asked, kept = Frontier(3), set[str](), list[str](), list[str]()
    for path in paths:
        frontier.add(80, path, 1)
    while wave := frontier.wave(most - len(asked)):
        files = {file for target in wave for file in opens(target.path)}
        kept += [target.path for target in frontier.learn(wave, dict.fromkeys(wave, 200), not files <= opened)]
        asked += [target.path for target in wave]
        opened |= files
    return frontier, asked, kept


def test_a_site_in_which_each_page_is_a_file_is_asked_whole() -> None:
    frontier, asked, kept = crawled((f"/page-{n}.html" for n in range(200)), lambda path: [path])
    assert asked == [f"/page-{n}.html" for n in range(200)]
    assert kept == asked[::WIDTH], "one of each wave stands for the others of its shape"
    assert (frontier.found, frontier.waiting, frontier.closed.total()) == (200, 0, 0)


def test_pages_that_open_nothing_new_come_last_and_are_not_asked_for_ever() -> None:
    paths = [f"/item/{n}" for n in range(1000)] + [f"/{word}" for word in ("about", "contact", "terms")]
    frontier, asked, kept = crawled(paths, lambda path: [path.strip("/0123456789")])
    assert asked.index("/about") <= 2 * WIDTH, "the second wave of items had no news"
    assert PATIENCE <= len(asked) - 3 <= 2 * (PATIENCE + WIDTH), "items that came with news had another chance"
    assert len(kept) <= 5 and {"/item/0", "/about", "/contact", "/terms"} <= {*kept}
    assert frontier.closed == {":80/item/{n}": 1003 - len(asked)}


def test_the_crawl_ends_when_many_shapes_had_no_news() -> None:
    words = [f"/{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    frontier, asked, kept = crawled(words, lambda path: ())
    assert IDLE_SHAPES <= len(asked) < IDLE_SHAPES + WIDTH and not kept
    assert frontier.is_idle and frontier.waiting == len(words) - len(asked)


def test_news_late_in_a_crawl_let_it_go_on() -> None:
    words = [f"/{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    _, asked, kept = crawled(words, lambda path: ["late"] if path == words[45] else ())
    assert words[45] in kept and len(asked) >= 45 + IDLE_SHAPES


def test_fewer_links_away_comes_first_and_too_far_is_left_out() -> None:
    frontier = Frontier(2)
    for path, depth in (("/far", 2), ("/near", 1), ("/too-far", 3), ("/near2", 1)):
        frontier.add(80, path, depth)
    assert [target.path for target in frontier.wave()] == ["/near", "/near2", "/far"]
    assert (frontier.found, frontier.too_deep) == (4, 1)


def test_what_may_change_something_and_what_is_known_is_not_asked() -> None:
    frontier = Frontier(2)
    frontier.know(80, "/")
    for path in ("/", "/logout", "/a", "/a"):
        frontier.add(80, path, 1)
    frontier.add(81, "/", 1)
    assert [(target.port, target.path) for target in frontier.wave()] == [(80, "/a"), (81, "/")]
    assert (frontier.found, frontier.unsafe) == (2, 1)


def test_memory_is_bounded() -> None:
    frontier = Frontier(2)
    for number in range(MOST_FOUND + 5):
        frontier.add(80, f"/{number}", 1)
    assert (frontier.found, frontier.waiting, frontier.forgotten) == (MOST_FOUND, MOST_FOUND, 5)


def test_without_a_watch_each_shape_is_news_once() -> None:
    frontier, kept = Frontier(1), list[str]()
    for path in [f"/item/{n}" for n in range(100)] + ["/about"]:
        frontier.add(80, path, 1)
    asked = 0
    while wave := frontier.wave():
        kept += [target.path for target in frontier.learn(wave, dict.fromkeys(wave, 200), None)]
        asked += len(wave)
    assert kept[0] == "/item/0" and "/about" in kept and len(kept) <= 3
    assert asked <= 2 * (PATIENCE + WIDTH) + 1


def test_only_answered_requests_are_kept_and_one_of_what_does_not_exist() -> None:
    frontier = Frontier(1)
    for path in ("/item/1", "/item/2", "/silent", "/robots.txt", "/favicon.ico"):
        frontier.add(80, path, 1)
    wave = frontier.wave()
    statuses = {"/item/2": 200, "/robots.txt": 404, "/favicon.ico": 404}
    kept = frontier.learn(wave, {target: statuses[target.path] for target in wave if target.path in statuses}, True)
    assert [target.path for target in kept] == ["/item/2", "/robots.txt"]


def test_fewer_requests_still_have_each_shape() -> None:
    targets = [Target(1, n, 80, path) for n, path in enumerate(["/i/1", "/i/2", "/i/3", "/a", "/i/4", "/b"])]
    assert [target.path for target in fewer(targets, 4)] == ["/i/1", "/i/2", "/a", "/b"]
    assert fewer(targets, 6) == tuple(targets)


@given(st.lists(st.from_regex(r"/[a-c]/[0-9]{1,2}", fullmatch=True), max_size=60), st.integers(1, 5))
def test_the_kept_shapes_opened_all_that_was_opened(paths: list[str], ways: int) -> None:
    def opens(path: str) -> list[str]:
        return [path[:2], f"{path[:2]}{int(path[3:]) % ways}"]

    _, asked, kept = crawled(paths, opens)
    assert {file[:2] for path in kept for file in opens(path)} == {file[:2] for path in asked for file in opens(path)}
    assert len(asked) == len({*asked}) and {*kept} <= {*asked} <= {*paths}
    assert crawled(paths, opens)[1:] == (asked, kept)
