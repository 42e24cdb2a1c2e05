"""The reference is made of docstrings: each public function says what it takes, what it gives, and what it raises."""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from docstring_parser import DocstringParam
from docstring_parser.google import DEFAULT_SECTIONS, GoogleParser, Section, SectionType

import inference_providers
from inference_providers import AsyncClient, AsyncProviderList, Client, InferenceProvidersError, ProviderList
from inference_providers.clients import one_line
from inference_providers.clients import options as typed

OF_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
# Whose objects come from calls: nobody writes the arguments of these constructors.
MADE_HERE = {
    *("AnswerStream", "AsyncAnswerStream", "AsyncBatch", "Batch", "BatchJob", "Connection", "Explanation", "Offer"),
    *("Answer", "Resolution", "Result", "Summary", "Client.inference", "AsyncClient.inference"),
}
CLASSES = {name: getattr(inference_providers, name) for name in inference_providers.__all__}
CLASSES |= {f"{kind.__name__}.inference": type(kind(environ={}).inference) for kind in (Client, AsyncClient)}


def is_ours(value: Any) -> bool:
    """Whether a function or class is defined in this package."""
    return str(getattr(value, "__module__", "")).startswith("inference_providers")


def functions_of(name: str, value: Any) -> Iterator[tuple[str, Any, str]]:
    """The functions of a public name, but for those that it inherits, each with the docstring that speaks for it."""
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return
    if not inspect.isclass(value):
        yield name, value, inspect.getdoc(value) or ""
        return
    constructor = vars(value).get("__init__") or vars(value).get("__new__")
    if constructor is not None and name not in MADE_HERE and not issubclass(value, BaseException):
        yield name, constructor, inspect.getdoc(value) or ""
    for member, inner in vars(value).items():
        inner = inner.__func__ if isinstance(inner, staticmethod | classmethod) else inner
        if not member.startswith("_") and inspect.isfunction(inner) and is_ours(inner):
            yield f"{name}.{member}", inner, inspect.getdoc(inner) or ""


PUBLIC = {
    name: (function, doc)
    for one, value in CLASSES.items()
    if one != "__version__"
    for name, function, doc in functions_of(one, value)
} | {
    name: (function, doc)
    for kind in (ProviderList, AsyncProviderList)
    for base in kind.__mro__
    if is_ours(base) and base is not kind
    for name, function, doc in functions_of(f"{kind.__name__} by {base.__name__}", base)
    if base.__module__.startswith("inference_providers.clients")
}


PARSER = GoogleParser([*DEFAULT_SECTIONS, Section("Keyword Args", "keyword", SectionType.MULTIPLE)])


def parts_of(doc: str, *kinds: str) -> dict[str, str]:
    """The parameters (`param`, `keyword`) or attributes (`attribute`) that a docstring describes, by their names."""
    found = [part for part in PARSER.parse(doc).meta if isinstance(part, DocstringParam)]
    rows = {part.arg_name: part.description or "" for part in found if part.args[0] in kinds}
    return {name.strip().lstrip("*"): about for names, about in rows.items() for name in names.split(",")}


def raised_in(doc: str) -> set[str]:
    """The errors that a docstring names."""
    return {part.type_name or "" for part in PARSER.parse(doc).raises}


def own_parameters(function: Any) -> dict[str, inspect.Parameter]:
    """Those of a function, without `self`."""
    given = dict(inspect.signature(function).parameters)
    return {name: one for name, one in given.items() if name not in ("self", "cls")}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_function_says_what_it_takes(name: str) -> None:
    function, doc = PUBLIC[name]
    given = own_parameters(function)
    named = {one for one, parameter in given.items() if parameter.kind not in OF_MANY}
    described = parts_of(doc, "param")
    assert named - set(described) == set()
    assert [one for one in named if not described[one].endswith((".", ")"))] == []
    if not any(parameter.kind in OF_MANY for parameter in given.values()):
        assert set(described) - named == set()


@pytest.mark.parametrize("name", PUBLIC)
def test_a_function_says_what_it_gives(name: str) -> None:
    function, doc = PUBLIC[name]
    gives = inspect.signature(function).return_annotation
    is_constructor = function.__name__ in ("__init__", "__new__")
    assert is_constructor or gives in ("None", inspect.Signature.empty) or "\nReturns:\n" in doc or not own_parameters(
        function
    )  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_a_function_says_what_it_raises(name: str) -> None:
    function, doc = PUBLIC[name]
    known = {*vars(builtins), *inference_providers.__all__}
    assert raised_in(doc) <= known
    if "<string>" in function.__code__.co_filename:  # the constructor of a dataclass
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    made = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    raised = {call.func.id for call in made if isinstance(call.func, ast.Name)}
    assert {one for one in raised if one.endswith("Error")} <= raised_in(doc)


@pytest.mark.parametrize("name", [name for name, value in CLASSES.items() if inspect.isclass(value)])
def test_an_error_says_what_it_carries(name: str) -> None:
    kind = CLASSES[name]
    if kind is InferenceProvidersError or not issubclass(kind, InferenceProvidersError) or "__init__" not in vars(kind):
        return
    carried = {one for one in own_parameters(kind.__init__) if one not in ("message", "details", "words")}
    assert carried - set(parts_of(inspect.getdoc(kind) or "", "attribute")) == set()


@pytest.mark.parametrize("name", ["ask_ai", "stream", "batch", "estimate"])
def test_a_function_of_the_module_says_what_the_method_says(name: str) -> None:
    """Nobody who reads `help(ask_ai)` is sent elsewhere."""
    function, method = (inspect.getdoc(getattr(one, name)) or "" for one in (one_line, ProviderList))
    said, meant = (parts_of(doc, "param", "keyword") for doc in (function, method))
    assert set(said) == set(meant)
    assert raised_in(function) == raised_in(method)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ask_ai", typed.AskOptions),
        ("stream", typed.StreamOptions),
        ("batch", typed.BatchOptions),
        ("estimate", typed.EstimateOptions),
    ],
)
def test_every_option_that_an_editor_completes_is_described(name: str, options: Any) -> None:
    described = parts_of(inspect.getdoc(getattr(one_line, name)) or "", "param", "keyword")
    synonyms = {"max_new_tokens", "max_completion_tokens", "max_output_tokens", "stop_strings", "stop_sequences"}
    synonyms |= {"effort", "functions"}  # other tools' words, of which the docstring says so
    assert set(typing.get_type_hints(options)) - synonyms - set(described) == set()
