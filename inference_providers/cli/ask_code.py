"""The code of an answer: its first fenced block, as Markdown has it."""

from __future__ import annotations


def first_block(text: str) -> str | None:
    """The content of the first fenced code block, without its indentation in a list or a quote; None without one.

    A fence without an end, as after the token limit, goes to the end of the text, which is what Markdown says.
    """
    from markdown_it import MarkdownIt

    fences = (token for token in MarkdownIt().parse(text) if token.type == "fence")
    found = next(fences, None)
    return None if found is None else found.content.removesuffix("\n")
