"""Titles in a box."""

import textwrap


def render(books):
    return textwrap.indent("".join(f"{book['title']}\n" for book in books), "| ")
