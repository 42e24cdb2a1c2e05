"""What notebooks show: tables and answers in which nothing acts and no key is; cells that fill as things come."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import inference_providers
from inference_providers import Answer, AsyncProviderList, Attempt, ProviderList, TruncatedStreamError, Usage
from inference_providers.attempts import Attempts
from inference_providers.credentials import Secret
from inference_providers.notebook import magic
from inference_providers.offers.offer_list import Offers
from inference_providers.rendering import Table, safe
from inference_providers.rendering.cells import Pace
from inference_providers.rendering.markup import NO_FORMULA
from tests.conftest import async_list_of, list_of

CANARY = "canary-notebook-0123456789"
HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\x1b[31m\u202e"


class Read(HTMLParser):
    """HTML as a browser sees it. texts: what a reader sees. found: every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# Tables


def assert_shows(thing: Any, *texts: str) -> None:
    """Its HTML is of tables alone, has a few fixed styles and no key, and says this."""
    html = thing._repr_html_()
    read = Read(html)
    assert read.open == []
    for name, attributes in read.found:
        assert name in {"div", "table", "thead", "tbody", "tr", "th", "td", "p", "caption"}
        assert attributes.keys() <= {"style", "scope", "class"}
        assert re.fullmatch(r"[a-z0-9:;.-]*", attributes.get("style", ""))
    assert "color" not in html  # readable in light and in dark
    assert CANARY not in html
    for text in texts:
        assert text in read.text, text
    if hasattr(thing, "_repr_markdown_"):
        shown = rendered(thing._repr_markdown_())
        assert CANARY not in shown.text
        for text in texts:
            assert text in shown.text, text


def rendered(text: str) -> Read:
    """Markdown with tables, as a program renders it that passes HTML on."""
    return Read(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def test_a_table_in_markdown_says_what_is_in_it_and_no_more() -> None:
    hostile = "a|b *c* `d` [e](javascript:f) <img src=x onerror=g>\n# h $1 and $2"
    table = Table([{"name": hostile, "count": 1200}, {"name": None, "count": 3}], {"name": "Na|me", "count": "n"}, "T*")
    read = rendered(table._repr_markdown_())
    assert [name for name, _ in read.found if name in ("img", "a", "em", "code", "h1")] == []
    assert sum(name == "tr" for name, _ in read.found) == 3
    for text in ("Na|me", "a|b *c* `d` [e](javascript:f) <img src=x onerror=g>", "$1 and $2", "1,200", "T*"):
        assert text in read.text
    assert "and 5 more: table() has them all" in Table([{"n": 1}] * 30)._repr_markdown_()


def keyed(**options: Any) -> ProviderList:
    return ProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False, **options)


def test_lists_of_offers_are_tables_without_keys() -> None:
    offers = keyed().find_model_providers("gpt-4o")
    assert isinstance(offers, Offers)
    assert offers == list(offers)
    assert_shows(offers, "openai", "gpt-4o", "USD/M", "128,000", "tools")
    assert_shows(offers[0], "openai", "128,000")
    assert_shows(keyed().find_model_providers()[:3], "openai")  # a part of them is such a list, too
    table = offers.table()
    assert table == [offer.as_dict() for offer in offers]
    assert CANARY not in f"{table}{table!r}{json.dumps(table)}"
    assert str(table).splitlines()[0].split("  ")[0] == "provider"
    assert "not usable" not in str(table)
    file = io.StringIO()
    writer = csv.DictWriter(file, table[0])
    writer.writeheader()
    writer.writerows(table)
    assert "openai" in file.getvalue()
    assert CANARY not in file.getvalue()


def test_the_old_way_to_list_providers_gives_such_a_list_as_well() -> None:
    for found in (keyed().find_model_providers(), keyed(compat="0.2").find_model_providers("gpt-4o")):
        assert_shows(found, "openai")
    assert isinstance(keyed().candidates("gpt-4o"), Offers)


def test_explanations_show_candidates_first_and_resolutions_what_is_meant() -> None:
    found = keyed().explain("gpt-4o")
    assert_shows(found, "gpt-4o (canonical)", "OPENAI_API_KEY is set", "first", "no")
    assert len(found.table()) == len(found)
    verdicts = [row["candidate"] for row in found.table()]
    assert verdicts == sorted(verdicts, key=["first", "yes", "same", "no"].index)
    assert_shows(keyed().resolve("gpt4o"), "gpt4o is gpt-4o", "not usable since")
    assert len(keyed().resolve("gpt4o").table()) == len(keyed().resolve("gpt4o").offers)


def test_what_answers_carry_shows_itself() -> None:
    answer = keyed(mock={"gpt-4o": "Hello."}).ask_ai("Hi", "gpt-4o")
    assert_shows(answer.attempts, "openai", "200", "ok")
    assert_shows(answer.attempts[0], "openai")
    assert isinstance(answer.attempts, Attempts)
    assert_shows(answer.usage, "input tokens")
    assert_shows(answer.cost_details, "cost: <$0.0001 (list")
    assert_shows(keyed().estimate("Hi", "gpt-4o"), "estimate for openai/gpt-4o", "counted by")
    connection = keyed(mock={"gpt-4o": "Hello."}).connect_to_model("gpt-4o")
    assert_shows(connection, "openai", "gpt-4o")


def test_failures_carry_attempts_that_show_themselves(serve: Any) -> None:
    from tests.servers import status

    servers = [serve(status(503)), serve(status(500))]
    with pytest.raises(inference_providers.AllProvidersFailedError) as caught:
        list_of(*(server.url for server in servers)).ask_ai("hi", "m")
    assert_shows(caught.value.attempts, "p1", "p2", "503")


def test_text_of_others_stays_text_in_tables() -> None:
    attempt = Attempt("p", HOSTILE, f"p: {HOSTILE}\nsecond line")
    assert_shows(attempt, "<script>alert(1)</script>", "\\x1b", "\\u202e", "\\nsecond line")
    table = Table([{HOSTILE: HOSTILE}], None, HOSTILE)
    assert_shows(table, "<script>")
    assert "\x1b" not in str(table)
    assert "\u202e" not in str(table)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b"]), st.none() | st.booleans() | st.integers() | st.floats() | st.text()
        )
    )
)
@settings(max_examples=60)
def test_tables_of_anything_can_be_shown(rows: list[dict[str, Any]]) -> None:
    table = Table(rows)
    assert_shows(table)
    str(table)


def test_long_tables_say_how_much_more_there_is() -> None:
    table = Table({"number": number} for number in range(1234))
    assert_shows(table, "and 1,209 more")
    assert len([name for name, _ in Read(table._repr_html_()).found if name == "td"]) == 25
    assert str(table).splitlines()[-1] == "1,233".rjust(len("number"))


def test_without_pandas_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for thing in (keyed().find_model_providers("gpt-4o"), keyed().explain("gpt-4o"), Table()):
        with pytest.raises(ImportError, match="pip install pandas"):
            thing.to_pandas()


def test_a_batch_is_a_table_of_its_results(tmp_path: Path) -> None:
    providers = keyed(mock={"gpt-4o": ["one", "two"]})
    done = providers.batch(["a", {"prompt": "b", "custom_id": "x"}, {}], "gpt-4o", out=tmp_path / "out.jsonl")
    assert_shows(done, "2 answered, 1 malformed", "the first results:", "one", "MalformedItemError")
    rows = done.table()
    assert [row["answer"] for row in rows] == ["one", "two", None]
    assert [row["custom_id"] for row in rows] == [None, "x", None]
    assert rows[2]["error"].startswith("MalformedItemError: ")
    assert len({tuple(row) for row in rows}) == 1  # the same names in each
    assert_shows(next(iter(done)), "one")
    (tmp_path / "out.jsonl").unlink()
    assert_shows(done, "2 answered")


def test_a_batch_without_a_file_shows_no_more_than_what_has_come() -> None:
    providers = keyed(mock={"gpt-4o": "one"})
    asked = providers.batch(["a", "b"], "gpt-4o")
    assert_shows(asked, "0 answered")  # and nobody was asked for that
    assert [row["answer"] for row in asked.table()] == ["one", "one"]


def test_an_asynchronous_batch_is_awaited_first(tmp_path: Path) -> None:
    async def main() -> None:
        providers = AsyncProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False, mock={"gpt-4o": "one"})
        asked = providers.batch(["a"], "gpt-4o", out=tmp_path / "out.jsonl")
        with pytest.raises(ValueError, match="await the batch"):
            asked.table()
        assert_shows(asked, "0 answered")
        await asked
        assert [row["answer"] for row in asked.table()] == ["one"]
        assert_shows(asked, "1 answered", "one")

    asyncio.run(main())


# Markdown of models

PIECES = st.sampled_from([
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<", ">", "</", "<!--", "-->", "<b", "<?x", "<![CDATA[", "`", "``", "```",
    "````", "~~~", "\n", "\n\n", "\n    ", "\t", " ", "> ", "- ", "1. ", "  ", "[a](javascript:alert(1))", "[a](", "[a]: ", "]:", "](", ")", "[",
    "javascript:alert(1)", "JaVaScRiPt&colon;alert(1)", "&#106;avascript:x", "java\tscript:x", "< javascript:x>", "data:text/html,x", "vbscript:x",
    "https://example.com/", "<https://example.com/?a=b>", "![p](https://evil.example/x.png)", "![", "!", "\\", "\\[", "\\]", "\\(", "\\)", "$", "$$", "$5",
    "\\href{javascript:alert(1)}{x}", "&lt;", "&", "<pre><code>", "</code></pre>", "<code>", "</code>", "text", "html", "onclick=x", '"', "'", "=",
    "| a | b |", "|---|---|", "#", "***", "\\`", "\x0c", "\u2028", "\u00a0",
])  # fmt: skip
RENDERERS = (
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).disable(["fence", "code", "backticks"]),
    MarkdownIt("commonmark", {"html": True}).disable(["list", "blockquote", "escape", "entity"]),
)
for renderer in RENDERERS:
    renderer.validateLink = lambda url: True  # type: ignore[method-assign]  # as those that check no link


def acting(html: str) -> list[str]:
    """What would act in HTML: elements that no Markdown makes, attributes, addresses."""
    class_of_code = re.compile(r"language-\S*")
    read = Browser(html)
    wrong = []
    for name, attributes in read.found:
        if name not in PLAIN:
            wrong.append(f"<{name}>")
        for key, value in attributes.items():
            address = re.sub(r"[\x00-\x20]", "", value).lower()
            fine = {
                "href": address.startswith(("http://", "https://", "mailto:")) or not re.match(r"[a-z0-9+.-]*:", address),
                "title": True, "start": value.isdigit(), "style": value.startswith("text-align:"),
                "class": class_of_code.fullmatch(value) is not None or value == NO_FORMULA,
            }  # fmt: skip
            if not fine.get(key):
                wrong.append(f"<{name} {key}={value!r}>")
    return wrong


PLAIN = {
    "p", "pre", "code", "small", "em", "strong", "a", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "br",
    "table", "thead", "tbody", "tr", "th", "td", "s", "span",
}  # fmt: skip


class Browser(Read):
    """A reader that lets elements be open, as browsers do."""

    def handle_endtag(self, tag: str) -> None:
        pass

    def handle_comment(self, data: str) -> None:
        self.found.append(("!--", {}))

    def unknown_decl(self, data: str) -> None:
        self.found.append(("![", {}))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("!", {}))

    def handle_pi(self, data: str) -> None:
        self.found.append(("?", {}))


@given(st.lists(PIECES | st.text(max_size=6), max_size=16))
@settings(max_examples=400)
def test_nothing_of_a_models_markdown_acts_however_it_is_rendered(parts: list[str]) -> None:
    made = safe("".join(parts))
    for renderer in RENDERERS:
        assert acting(renderer.render(f"{made}\n\n<small>who</small>")) == []
    rest = made
    for ours in ("<pre><code>", "</code></pre>", "<code>", "</code>", "<span>&#36;</span>"):
        rest = rest.replace(ours, "")
    assert re.search(r"<[A-Za-z/!?]", rest) is None
    assert re.search(r"!\[", rest) is None


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://example.com){onclick=alert(1)}",
        "# Title {: onclick=alert(1) }",
        "*a*{.b\nonmouseover = x}",
        '[a](https://example.com){x="`b`" href="javascript:alert(1)"}',
        '`a`{style="position:fixed"}',
        "```{.python onclick=alert(1)}\nx\n```",
        "a\n{: {SRC=x }",
    ],
)
def test_no_braces_give_an_element_an_attribute_that_acts(text: str) -> None:
    found = safe(text)
    between = re.findall(r"\{[^}]*\}", found)
    assert not [one for one in between if re.search(r"(?i)(on[a-z]+|style|href|src)\s*=", one)], found


@pytest.mark.parametrize("text", [r"$\sum_{i=1}^{n} x_{i}$", "a {b = c} {onto} {x}", "`{'a': 1}`", "{\n\nsrc=1}"])
def test_other_braces_stay(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    "formula",
    [
        "\\href%\n{javascript:alert(1)}{x}",
        "\\let\\go=\\href \\go{javascript:alert(1)}{x}",
        '\\mmlToken{mi}[href="javascript:alert(1)"]{x}',
    ],
)
def test_no_formula_leads_anywhere_whatever_it_calls_its_macros(formula: str) -> None:
    for text in (f"${formula}$", f"\\({formula}\\)", f"```\n{formula}\n```"):
        assert re.search(r"\\(href|mmlToken)", safe(text)) is None
    assert safe("`App\\Class`, C:\\styles") == "`App\\Class`, C:\\styles"


def test_the_test_sees_what_acts() -> None:
    for text in (
        "<script>x</script>", "[a](javascript:x)", "![a](https://x)", "<b onclick=x>", "[a](data:x)", "[a]: JAVAscript:x\n\n[a]",
    ):  # fmt: skip
        assert acting(RENDERERS[0].render(text)) != [], text


@pytest.mark.parametrize(
    "text",
    [
        "# Head\n\n*em* **strong** `code` [a](https://example.com/x?y=1#z) [b](mailto:a@b.c) [c](#here) [d](path/x.md)",
        "```python\nx = a[0](b)\nif a < b and c > d: print('```')\n```",
        "1. one\n\n   ```sh\n   ls -la | grep x > y\n   ```\n2. two", "| a | b |\n|---|--:|\n| 1 | 2 |", "> quoted\n> more", "$x^2$ and $$y$$",
        "[1]: https://example.com", "a < b, 1 <2, <3, x<=y", "~~~\nplain\n~~~", "- [ ] task\n- [x] done: yes", "",
        "dict[str](x) and `f[0](x)`",
    ],
)  # fmt: skip
def test_harmless_markdown_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("```html\n<b>x</b>\n\n  y\n```", "<b>x</b>\n\n  y"), ("use `<b>` here", "use <b> here"), ("vector<int> v", "vector<int> v"),
        ("1. a\n\n   ```html\n   <i>\n     x\n   ```\n2. b", "<i>\n  x"), ("> ```\n> <i>\n> ```", "<i>"), ("```\n<a", "<a"),
        ("[a](javascript:x)", "[a](javascript:x)"), ("![a](https://x.y/z)", "!a"), ("see <https://x.y/z>.", "see https://x.y/z."),
        ("x ![a]", "x ![a]"), (r"\(x\) and \[y\]", "$x$ and $$y$$"), (r"a\\[2pt]", "a\\[2pt]"), ("$5 to $10", "$5 to $10"),
    ],
)  # fmt: skip
def test_a_reader_sees_the_same_text(text: str, shown: str) -> None:
    assert shown in Browser(RENDERERS[0].render(safe(text))).text


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("from $5 to $10", 0), ("$5-$10, or $7.50.", 0), ("$x$ costs $5", 1), ("$2 + 2$ and $y$", 2), ("$$x$$ and $3", 1), ("$5", 0), (r"\$5 and \$6", 0),
        ("about $5 (not $x^2$)", 1), (r"\(x\) for $5 and $6", 1),
    ],
)  # fmt: skip
def test_amounts_in_dollars_are_no_formulas(text: str, formulas: int) -> None:
    """As notebooks look for them: whatever is between two signs, or between two pairs of them, but for escaped ones."""
    assert len(re.findall(r"(?<!\\)(\$\$?).+?(?<!\\)\1", safe(text))) == formulas


def test_what_is_open_is_closed_before_the_remark_below() -> None:
    answer = Answer("```python\nx = 1", provider="p", model="m", finish_reason="length")
    html = RENDERERS[0].render(answer._repr_markdown_())
    assert html.endswith(f'<p><small class="{NO_FORMULA}">p/m · cut off by the limit of tokens</small></p>\n')


def test_an_answer_says_who_gave_it_for_how_much() -> None:
    attempts = [Attempt("q", "m", "q: refused", error=ValueError()), Attempt("p", "m", "ok")]
    answer = Answer(
        "Hello", provider="p", model="m*<b>", usage=Usage(1200, 2), cost=0.0123, latency=1.26, attempts=attempts, cached=True,
        dropped=["seed"], tool_calls=[{"function": {"name": "look_up"}}],
    )  # fmt: skip
    html = RENDERERS[0].render(answer._repr_markdown_())
    assert acting(html) == []
    assert Browser(html).text.split("\n")[1] == (
        "p/m*<b> · 1,200 tokens in, 2 out · $0.0123 · 1.3 s · kept from an earlier call · after 1 failed attempt · calls look_up · left out: seed"
    )
    assert answer._repr_markdown_().count("$") == 0  # or it would begin a formula
    assert Answer("Hello")._repr_markdown_() == "Hello"
    assert Answer('{"a": 1}', parsed={"a": 1})._repr_markdown_() == '```json\n{"a": 1}\n```'


# Cells


def test_what_a_browser_gets_does_not_grow_with_the_square_of_the_text() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    sent = size = count = 0
    for _ in range(100_000):  # a token each ten milliseconds, for a thousand seconds
        now[0] += 0.01
        size += 4
        if pace.is_due(size):
            sent, count = sent + size, count + 1
    assert count <= 10 * now[0]
    assert sent <= 110_000 * now[0]
    assert count > 100


class Notebook:
    """An IPython in a notebook: outputs, each with all that it has shown."""

    def __init__(self) -> None:
        self.outputs: list[list[dict[str, str]]] = []
        self.user_ns: dict[str, Any] = {}
        self.kernel = object()
        self.displayhook = SimpleNamespace(update_user_ns=lambda value: self.user_ns.update(_=value))
        self.magics: dict[str, Any] = {}
        self.input_transformers_cleanup: list[Any] = []
        self.requests: list[Any] = []  # of whom is asked

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert (raw, display_id) == (True, True)
        output = [data]
        self.outputs.append(output)
        return SimpleNamespace(update=lambda data, raw: output.append(data))

    def register_magic_function(self, function: Any, kind: str, name: str) -> None:
        assert kind == "line_cell"
        self.magics[name] = function

    @property
    def last(self) -> str:
        return self.outputs[-1][-1].get("text/markdown") or self.outputs[-1][-1]["text/html"]


class UsageError(Exception):
    """IPython's, for a wrong line."""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    made = Notebook()
    modules = {
        "IPython": {"get_ipython": lambda: made}, "IPython.display": {"display": made.display}, "IPython.core": {},
        "IPython.core.magic": {"no_var_expand": lambda function: function}, "IPython.core.error": {"UsageError": UsageError},
    }  # fmt: skip
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    yield made


def test_a_stream_fills_its_cell(notebook: Notebook) -> None:
    stream = keyed(mock={"gpt-4o": "one *two* <b>three</b>"}).stream("Hi", "gpt-4o")
    assert stream._ipython_display_() is None  # type: ignore[func-returns-value]
    assert len(notebook.outputs) == 1
    assert notebook.last.startswith("one *two* &lt;b>three&lt;/b>\n\n<small class=")
    assert notebook.outputs[0][-1]["text/plain"] == "one *two* <b>three</b>"
    assert stream.answer == "one *two* <b>three</b>"
    stream.show()  # it is all here: shown once more, and nobody is asked
    assert len(notebook.outputs) == 2
    assert notebook.outputs[1][-1] == notebook.outputs[0][-1]


def test_an_asynchronous_stream_fills_its_cell_while_the_notebook_goes_on(notebook: Notebook) -> None:
    async def main() -> None:
        providers = AsyncProviderList(environ={"OPENAI_API_KEY": CANARY}, local=False, mock={"gpt-4o": "one two"})
        stream = providers.stream("Hi", "gpt-4o")
        stream._ipython_display_()
        assert notebook.last == "…"
        while "<small" not in notebook.last:
            await asyncio.sleep(0.001)
        assert stream.answer == "one two"
        await providers.stream("Hi", "gpt-4o").show()
        assert len(notebook.outputs) == 2
        wrong = providers.stream("Hi", "nonsense-xyz")
        wrong._ipython_display_()
        while notebook.last == "…":
            await asyncio.sleep(0.001)
        assert "nonsense" in notebook.last

    asyncio.run(main())
    assert "one two" in notebook.outputs[0][-1]["text/markdown"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_that_breaks_leaves_what_has_come_and_says_why(serve: Any, notebook: Notebook, kind: str) -> None:
    from tests.servers import delta

    def breaks(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("so far "))
        connection.event(delta("<b>"))
        connection.sock.close()
        connection.keep = False

    url = serve(breaks).url
    with pytest.raises(TruncatedStreamError):
        if kind == "sync":
            list_of(url).stream("hi", "m").show()
        else:
            asyncio.run(async_list_of(url).stream("hi", "m").show())
    assert notebook.last.startswith("so far &lt;b>\n\n<small class=")


def test_without_a_notebook_a_stream_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    keyed(mock={"gpt-4o": "one \x1b[31mtwo"}).stream("Hi", "gpt-4o").show()
    assert capsys.readouterr().out == "one \\x1b[31mtwo\n"


def test_a_batch_tells_in_its_cell_how_far_it_is(notebook: Notebook, tmp_path: Path) -> None:
    providers = keyed(mock={"gpt-4o": "one"})
    providers.batch(["a", "b", {}], "gpt-4o", out=tmp_path / "out.jsonl")
    assert len(notebook.outputs) == 1
    first, last = notebook.outputs[0][0], notebook.outputs[0][-1]
    assert first["text/plain"] == "0/3"
    assert last["text/plain"].startswith("3/3 · ")
    assert "1 failed" in last["text/plain"]
    assert [attributes["value"] for name, attributes in Read(last["text/html"]).found if name == "progress"] == ["3"]
    list(providers.batch(["a"], "gpt-4o"))  # it is the user who shows these
    providers.batch(["a"], "gpt-4o", out=tmp_path / "other.jsonl", progress=False)
    assert len(notebook.outputs) == 1


def test_nothing_imports_ipython_or_pandas() -> None:
    from tests.test_architecture import loaded_by

    code = "from inference_providers import *\np = ProviderList(mock={'gpt-4o': 'x'})\na = p.ask_ai('hi')\n"
    code += "p.stream('hi').show()\np.explain('gpt-4o')._repr_html_()\na._repr_markdown_()"
    assert not {name.partition(".")[0] for name in loaded_by(code)} & {"IPython", "pandas", "jupyter"}


# The magic


@pytest.fixture
def ask(notebook: Notebook, serve: Any) -> Any:
    inference_providers.load_ipython_extension(notebook)  # type: ignore[attr-defined]
    server = serve()
    notebook.user_ns["mine"] = list_of(server.url)
    notebook.requests = server.requests
    return notebook.magics["ask"]


def asked(notebook: Notebook) -> Any:
    """The last request."""
    return notebook.requests[-1].json


def test_a_question_in_a_line_and_in_a_cell(ask: Any, notebook: Notebook) -> None:
    ask('-p mine -m m What\'s up, "Bob"?')
    assert asked(notebook)["messages"] == [{"role": "user", "content": 'What\'s up, "Bob"?'}]
    assert len(notebook.outputs) == 1
    ask(
        "-p mine -m m -s 'Be brief.' -o temperature=0.5 -o stop=[\"x\"] --to reply Translate:",
        "Hello\n\n  there\n",
    )
    heard = asked(notebook)
    assert heard["messages"] == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Translate:\n\nHello\n\n  there\n"},
    ]  # fmt: skip
    assert (heard["temperature"], heard["stop"]) == (0.5, ["x"])
    assert notebook.user_ns["reply"] is notebook.user_ns["_"]
    assert notebook.user_ns["reply"].provider == "p1"


def test_a_conversation_goes_on(ask: Any, notebook: Notebook) -> None:
    ask("-p mine -m m one")
    ask("-c --providers=mine --model=m two")
    assert [turn["content"] for turn in asked(notebook)["messages"]] == ["one", "hello", "two"]


def test_variables_are_filled_in_and_nothing_is_computed(ask: Any, notebook: Notebook) -> None:
    notebook.user_ns |= {"name": "Ada", "number": 3, "f": len, "json": json, "Kind": Path, "braces": "{name}"}
    text = '{name} {number} {f} {json} {Kind} {unknown} {{name}} {{unknown}} {name.upper()} {name!r} {braces} {"a": 1} {} $name'
    assert magic.filled(text, notebook.user_ns) == (
        'Ada 3 {f} {json} {Kind} {unknown} {name} {{unknown}} {name.upper()} {name!r} {name} {"a": 1} {} $name'
    )
    ask("-p mine -m m -s {name} hi {number}")
    assert [turn["content"] for turn in asked(notebook)["messages"]] == ["Ada", "hi 3"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "ask what?"), ("-m m", "ask what?"), ("-x hi", "there is no -x"), ("--nonsense=3 hi", "there is no --nonsense"), ("-m", "-m wants"),
        ("-o temperature hi", "KEY=VALUE"), ("--to 1x hi", "name of a variable"), ("-c hi", "nothing was asked before"), ("-p json hi", "is NoneType"),
        ("-p mine -o wrong=1 hi", "not a generation parameter"), ("-p mine {key}", "key holds an API key"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_told_in_a_line(ask: Any, notebook: Notebook, line: str, says: str) -> None:
    notebook.user_ns["key"] = Secret(CANARY)
    with pytest.raises(UsageError, match=re.escape(says)) as caught:
        ask(line)
    assert CANARY not in str(caught.value)
    assert notebook.outputs == []


def test_a_question_mark_at_the_end_asks_for_no_help(ask: Any, notebook: Notebook) -> None:
    inference_providers.load_ipython_extension(notebook)  # type: ignore[attr-defined]  # as a reload does
    (transform,) = notebook.input_transformers_cleanup
    code = "".join(
        transform(["x = 1\n", "if x:\n", "    %ask -p mine What's up?  \n", "%ask?\n", "%asked how?\n", "y = 'a?'"])
    )
    assert code == (
        "x = 1\nif x:\n    get_ipython().run_line_magic('ask', \"-p mine What's up?\")\n%ask?\n%asked how?\ny = 'a?'"
    )
    assert transform(["%%ask\n", "%ask why?"]) == ["%%ask\n", "%ask why?"]
    assert transform([]) == []


def test_a_question_may_begin_with_a_dash(ask: Any, notebook: Notebook) -> None:
    ask("-p mine -m m -- -5 + 3?")
    assert asked(notebook)["messages"][0]["content"] == "-5 + 3?"


def test_what_is_wrong_with_a_call_is_raised_as_it_is_elsewhere(ask: Any) -> None:
    with pytest.raises(inference_providers.UnknownModelError):
        ask("-p mine -m nonsense-xyz hi")


def test_a_key_that_is_set_after_a_refusal_is_found(
    ask: Any, notebook: Notebook, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERENCE_PROVIDERS_AVOID", "local")
    with pytest.raises(inference_providers.NoCredentialsError):
        ask("hi")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_BASE_URL", serve().url)
    ask("-m gpt-4o hi")
    assert notebook.user_ns["_"] == "hello"
