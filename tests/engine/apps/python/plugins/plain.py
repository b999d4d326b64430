"""One title a line."""


def render(books):
    return "".join(f"{book['title']}\n" for book in books)
