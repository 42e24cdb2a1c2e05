"""Docstrings of tools, in the styles and with the liberties that people take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.chat.docstrings import LONGEST, parse_docstring
from inference_providers.chat.tools import Toolbox

NAMES = ("city", "when", "days", "a", "b")
GOOGLE = """Say it.

    Twice: once now, once later.

    Args:
        city: The city.
            Note: capitals only.
        when (tuple(int, int)): Hour and minute.
        days (dict[str: int], optional): How many. Defaults to 3.

    Raises:
        ValueError if there is none
    """
NUMPY = """Say it.

    Twice: once now, once later.

    Parameters
    ----------
    city : str
        The city.
        Note: capitals only.
    when : tuple(int, int)
        Hour and minute.
    days : dict[str: int], optional
        How many. Defaults to 3.

    Returns
    -------
    str
        What was said.
    """
SPHINX = """Say it.

    Twice: once now, once later.

    :param city: The city.
        Note: capitals only.
    :type city: str
    :param tuple(int, int) when: Hour and
    minute.
    :param days: How many. Defaults to 3.
    :type days: dict, optional
    :returns: what was said

    And that is all.
    """
EPYDOC = """Say it.

    Twice: once now, once later.

    @param city: The city.
        Note: capitals only.
    @type city: str
    @param when: Hour and
        minute.
    @keyword days: How many. Defaults to 3.
    @return: what was said
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX, EPYDOC], ids=["google", "numpy", "sphinx", "epydoc"])
def test_every_style_says_the_same(docstring: str) -> None:
    about, parts = parse_docstring(docstring, NAMES)
    assert about == "Say it.\n\nTwice: once now, once later."
    assert parts == {
        "city": "The city. Note: capitals only.",
        "when": "Hour and minute.",
        "days": "How many. Defaults to 3.",
    }


@pytest.mark.parametrize(
    ("docstring", "parts"),
    [
        ("Args:\n    a: The first.\n    b (int): The second\n        of two.", {"a": "The first.", "b": "The second of two."}),
        ("Arguments:\n  a: One,\n  still one\n  b: Two", {"a": "One, still one", "b": "Two"}),
        ("Args:\na: One,\n  still one\nb: Two\n\nEnd: this is not b", {"a": "One, still one", "b": "Two"}),
        ("  Args:\n     a: One\n    b: Two\n\n  Returns:\n     c", {"a": "One", "b": "Two"}),
        ("Args:\n\ta: One\n\t\tstill one\n\tb: Two", {"a": "One still one", "b": "Two"}),
        ("Args:\n    a:\n        One\n\n        still: one\n    b: Two", {"a": "One still: one", "b": "Two"}),
        ("Args:\n    a (int) : One\n    `b`: Two", {"a": "One", "b": "Two"}),
        ("Args:\n    a, b: Both", {"a": "Both", "b": "Both"}),
        ("Args:\n    *a: One\n    \\**b: Two", {"a": "One", "b": "Two"}),
        ("Args:\n    a: One\n\nKeyword Args:\n    b: Two", {"a": "One", "b": "Two"}),
        ("Args:\n    gone: No more\n    a: One", {"a": "One"}),
        ("Args:\n    a: One\n\nExample:\n    b: not said here", {"a": "One"}),
        ("Args:\n    b:\n    a: One", {"a": "One"}),
        ("Parameters\n---\na, b : array, default 3\n    Both", {"a": "Both", "b": "Both"}),
        ("Parameters\n----------\na\n    One\n\nOther Parameters\n----------------\nb\n    Two", {"a": "One", "b": "Two"}),
        ('Parameters\n----------\na : {"x", "y"}, default "x"\n    One: the first.', {"a": "One: the first."}),
        (":param list of int a: One\n:param b: Two, see\n:class:`b`", {"a": "One", "b": "Two, see :class:`b`"}),
        ("@param a: One\n@cache\n@type a: int", {"a": "One @cache"}),
    ],
    ids=range(18),
)  # fmt: skip
def test_liberties_are_allowed(docstring: str, parts: dict[str, str]) -> None:
    assert parse_docstring(f"Do it.\n\n{docstring}", NAMES) == ("Do it.", parts)


@pytest.mark.parametrize(
    ("docstring", "about"),
    [
        ("", ""),
        ("  One line: only. ", "One line: only."),
        ("One: line.\n\n    Others: as well.\n    @cache\n    :class:`X` too.", "One: line.\n\nOthers: as well.\n@cache\n:class:`X` too."),
        ("One.\n\nReturns:\n    Something else", "One."),
        ("One.\n\n:returns: something else", "One."),
        ("One.\n\nArgs:\n    nothing of the kind\n\nMore.", "One."),
        ("One.\n\nMore.\n\nArgs:\n\nReturns:\n    b", "One."),
        ("One.\n\nNote:\n    See: there.\n\nReturns:\n    b", "One.\n\nNote:\n    See: there."),
        ("Args:\n    c: nobody's", ""),
    ],
    ids=range(9),
)  # fmt: skip
def test_without_parameters_there_is_the_text(docstring: str, about: str) -> None:
    assert parse_docstring(docstring, NAMES) == (about, {})


def test_a_tool_is_told_by_its_parameters_alone() -> None:
    def greet(city: str, **more: int) -> str:
        """Greet.

        Args:
            city: Where.
            country: No parameter any more.
            **more: Whatever.
        """
        return city + str(more)

    (schema,) = Toolbox([greet]).schemas
    assert schema["function"]["description"] == "Greet."
    assert schema["function"]["parameters"]["properties"] == {"city": {"type": "string", "description": "Where."}}


WORDS = [
    "Args:",
    "Parameters\n----------",
    "Returns:",
    ":param a:",
    "@param a:",
    "\n",
    "    ",
    "a: b",
    "(",
    ":",
    "x",
    "`",
]


@given(st.text(alphabet="Args: \n()-abParmetrs:@\t", max_size=60) | st.lists(st.sampled_from(WORDS)).map("".join))
def test_no_docstring_breaks_a_description(docstring: str) -> None:
    about, parts = parse_docstring(docstring, NAMES)
    assert about == about.strip()
    assert all(part and part == part.strip() for part in parts.values())
    assert set(parts) <= set(NAMES)


# What takes minutes to years where a pattern goes back over it, and the suite's limit for a test is shorter.
@pytest.mark.parametrize("end", ["", ": x", ")"])
@pytest.mark.parametrize(
    "unit", [" ", "\n", " \n", "(", "a(", "a (b) ", "word ", ":", "    a (b: c", "\u3000", ". Defaults to x "]
)
@pytest.mark.parametrize(
    "begin", ["Args:\n", "Args:\n    a (", "Parameters\n----------\na : int", ":param ", "@", "@param a: x\n@", "Returns:\n"]
)  # fmt: skip
def test_a_long_docstring_is_read_once(begin: str, unit: str, end: str) -> None:
    docstring = f"Do it.\n\n{begin}" + unit * (LONGEST // len(unit) - 20) + end
    assert parse_docstring(docstring + " " * LONGEST, NAMES)[0].startswith("Do it.")


def test_what_is_beyond_the_limit_is_not_read() -> None:
    parameter: Any = "\n\nArgs:\n    a: One"
    assert parse_docstring("x" * (LONGEST - len(parameter)) + parameter, NAMES)[1] == {"a": "One"}
    assert parse_docstring("x" * LONGEST + parameter, NAMES)[1] == {}
