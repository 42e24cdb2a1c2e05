"""Files of questions: CSV that is read whole or refused, text, JSON arrays, prompts with columns, standard input."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, ProviderList
from inference_providers.batches.csv_file import CsvFile
from inference_providers.batches.template import Template
from tests.batch_server import echo, prompts
from tests.conftest import ROOT, list_of
from tests.servers import Server
from tests.test_batch import cli as cli  # the fixture
from tests.test_batch import run, table, texts

Serve = Callable[..., Server]


def asked(serve: Serve, file: Path, content: str | bytes, **options: Any) -> tuple[list[str], list[Any]]:
    """What the server was asked, and the results, of a file with this content."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    server = serve(echo)
    results, _ = run("sync", server.url, file, concurrency=1, **options)
    return prompts(server.asked), results


def told(results: list[Any]) -> list[tuple[int | None, str]]:
    """The lines that are malformed, and why."""
    return [(result.line, str(result.error)) for result in results if not result.ok]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_comma_without_quotes_is_a_malformed_line_and_nothing_of_it_is_lost(
    serve: Serve, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "in.csv").write_text("id,prompt\n1,Translate this, please, to French\n2,Hello\n")
    server = serve(echo)
    _, summary = run(kind, server.url, tmp_path / "in.csv", out=tmp_path / "out.csv")
    assert prompts(server.asked) == ["Hello"]
    assert (summary.answered, summary.malformed) == (1, 1)
    assert "line 2: 4 cells, 2 columns" in summary.problems[0]
    rows = table(tmp_path / "out.csv")
    assert [(row["id"], row["prompt"], row["answer"]) for row in rows] == [
        ("1", "Translate this, please, to French", ""),
        ("2", "Hello", "re: Hello"),
    ]


@pytest.mark.parametrize(
    ("content", "questions", "lines"),
    [
        ("prompt\nTranslate this, please\nb\n", ["b"], [2]),
        ("id,prompt\n1\n2,b\n", ["b"], [2]),  # a cell too few
        ('id,prompt\n1,a\n2,"b\n3,c\n', ["a"], [3, 4]),  # a quote that is not closed
        ('prompt\na\n"b\nand half of it\nc\n', ["a"], [3, 4, 5]),
        ('id,prompt\n1,"Hello\n2,"Second"\n3,c\n', [], [2, 3, 4]),  # closed by the next one's
        ('id,prompt\n1,"Hi" she said\n2,b\n', ["b"], [2]),
        ('id,prompt\n1,"Hi" she said, "and\nmore"\n2,b\n', [], [2, 3, 4]),
        ('prompt\n "Hello\nthere"\nb\n', [], [2, 3, 4]),  # a blank before the quote
        ('id, prompt\n1, "Hello, there"\n2,b\n', ["b"], [2]),
        ('prompt,n\nSay "Hello, there"\n5" pipe,2\n', ['5" pipe'], [2]),  # as many cells as columns
        ('id,prompt\n1,\\"a, b\\"\n2,b\n', ["b"], [2]),
        ("id,prompt\n\n1,a\n\n2,\n3,c\n", ["a", "c"], [5]),  # blank lines; an empty cell
        ("prompt;n\nTranslate this; please;1\nb, c;2\n", ["b, c"], [2]),
        ("input,prompt\nbackground,\nbackground,ask\n", ["ask"], [2]),  # the next column is not asked instead
        ('prompt\r"a\rb"\rc\r', ["a\nb", "c"], []),
    ],
)
def test_a_row_is_read_whole_or_told_by_its_line(
    serve: Serve, tmp_path: Path, content: str, questions: list[str], lines: list[int]
) -> None:
    found, results = asked(serve, tmp_path / "in.csv", content)
    assert [question.replace("\r", "\n") for question in found] == questions
    assert [line for line, _ in told(results)] == lines


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prompt,prompt\na,b\n", "line 1: two columns are called 'prompt'"),
        ("\n\nprompt,note,note\na,b,c\n", "line 3: two columns are called 'note'"),
        ("Prompt,prompt\na,b\n", "line 1: two columns are called 'prompt'"),
        ('prompt,"note\na,b\n', "line 1: a quote opens here"),
        ("prompt,caf\xe9\na,b\n".encode("cp1252"), "line 1: the byte 0xe9"),
        ("body\na\n", "named in a prompt"),
        (b"PK\x03\x04prompt\n", "zip archive"),
        (b"\xd0\xcf\x11\xe0prompt\n", "Excel"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_before_anything_is_asked(
    serve: Serve, tmp_path: Path, content: str | bytes, words: str
) -> None:
    with pytest.raises(ValueError, match=r"in\.csv") as caught:
        asked(serve, tmp_path / "in.csv", content)
    assert words in str(caught.value)


QUESTION = "Où est la «gare», 駅はどこ? 🚉"


@pytest.mark.parametrize("ending", ["csv", "txt"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_in_any_encoding_is_read_right(serve: Serve, tmp_path: Path, encoding: str, ending: str) -> None:
    text = f'prompt,n\r\n"{QUESTION}",1\r\n' if ending == "csv" else f"Hi\r\n{QUESTION}\r\n"
    found, results = asked(serve, tmp_path / f"in.{ending}", text.encode(encoding))
    assert found[-1] == QUESTION
    assert told(results) == []


@pytest.mark.parametrize("ending", ["csv", "txt"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Où est la gare?"),
        ("latin-1", "Où est la gare?"),
        ("cp1251", "Где вокзал?"),
        ("mac-roman", "Où est la gare?"),
        ("shift_jis", "駅はどこですか"),
        ("gb18030", "车站在哪里"),
        ("euc-kr", "역이 어디예요"),
        ("iso2022_jp", "駅はどこですか"),
    ],
)
def test_what_is_not_unicode_is_told_by_its_line_and_read_when_it_is_named(
    serve: Serve, tmp_path: Path, encoding: str, text: str, ending: str
) -> None:
    content = ("prompt\nplain\n" if ending == "csv" else "\nplain\n") + text + "\n"
    found, results = asked(serve, tmp_path / f"in.{ending}", content.encode(encoding))
    assert found == ["plain"]
    assert [line for line, _ in told(results)] == [3]
    assert "--encoding" in told(results)[0][1]
    found, results = asked(serve, tmp_path / f"in.{ending}", content.encode(encoding), encoding=encoding)
    assert (found, told(results)) == (["plain", text], [])


def test_an_encoding_that_nobody_knows_is_refused(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoding that Python knows"):
        asked(serve, tmp_path / "in.csv", "prompt\na\n", encoding="utf-9")


def test_a_table_keeps_its_separator_its_mark_and_its_strange_bytes_stop_nothing(serve: Serve, tmp_path: Path) -> None:
    content = "\ufeffprompt;note\r\na, b;x\r\n".encode() + b"caf\xe9;y\r\n"
    asked(serve, tmp_path / "in.csv", content, out=tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_bytes().decode()
    assert text.startswith("\ufeffprompt;note;answer;")
    assert "a, b;x;re: a, b;p1;" in text
    assert "0xe9" in text


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELL, CELL), max_size=6), separator=st.sampled_from(",;\t|"), data=st.data())
def test_what_csv_writes_is_read_as_it_was(rows: list[tuple[str, str]], separator: str, data: Any) -> None:
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=quoting).writerows([("prompt", "n"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / "in.csv").write_bytes(text.getvalue().encode())
        read = list(CsvFile(path, lambda names: "prompt" in names).rows())
    if not any("\x1b" in cell for row in rows for cell in row):
        assert [(row.cells, row.problem) for row in read] == [(list(row), "") for row in rows]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text('ab,;" \n', max_size=40))
def test_whatever_a_table_holds_each_word_of_it_is_in_its_rows(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / "in.csv").write_text("prompt,n\n" + text)
        rows = list(CsvFile(path, lambda names: "prompt" in names).rows())
    kept = "".join(cell for row in rows for cell in row.cells)
    assert [kept.count(letter) for letter in "ab"] == [text.count(letter) for letter in "ab"]
    assert all(len(row.cells) == 2 for row in rows)


# Text, JSON


def test_a_text_file_has_a_question_in_each_line(serve: Serve, tmp_path: Path) -> None:
    content = '\ufeffWhat is 2 + 2?\r\n\r\n  {"not": "JSON"}, [or so]\r\n"quoted"\r\n'
    found, results = asked(serve, tmp_path / "in.txt", content)
    assert found == ["What is 2 + 2?", '{"not": "JSON"}, [or so]', '"quoted"']
    assert [result.line for result in results] == [1, 3, 4]


@pytest.mark.parametrize("name", ["in.json", "in.jsonl", "in"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_a_list_of_questions(serve: Serve, tmp_path: Path, name: str, indent: int | None) -> None:
    chat = [{"role": "user", "content": "c"}]
    found, _ = asked(serve, tmp_path / name, json.dumps(["a", {"prompt": "b", "custom_id": "x"}, chat], indent=indent))
    assert found == ["a", "b", "c"]


def test_one_conversation_is_one_question_and_lines_of_conversations_are_lines(serve: Serve, tmp_path: Path) -> None:
    chats = [json.dumps([{"role": "user", "content": word}]) for word in "ab"]
    assert asked(serve, tmp_path / "one.json", chats[0])[0] == ["a"]
    assert asked(serve, tmp_path / "two.jsonl", "\n".join(chats))[0] == ["a", "b"]
    assert asked(serve, tmp_path / "three.json", '\n{"prompt": "a"}\n{"prompt": "b"}\n')[0] == ["a", "b"]
    assert asked(serve, tmp_path / "four.json", '{\n"prompt": "a"\n}\n')[0] == ["a"]


def test_a_file_that_does_not_say_what_it_holds_is_refused_until_somebody_says(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="what is it"):
        asked(serve, tmp_path / "questions", "id,prompt\n1,a\n")
    assert asked(serve, tmp_path / "questions", "id,prompt\n1,a\n", input_format="csv")[0] == ["a"]
    assert asked(serve, tmp_path / "questions", "one\ntwo\n", input_format="text")[0] == ["one", "two"]


@pytest.mark.parametrize("name", ["a.xlsx", "a.XLS", "a.ods", "a.parquet"])
def test_spreadsheets_are_refused_as_input_and_as_output(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(ValueError, match="CSV"):
        ProviderList(mock={"m": "x"}).batch(tmp_path / name)
    with pytest.raises(ValueError, match="CSV"):
        AsyncProviderList(mock={"m": "x"}).batch(["a"], out=tmp_path / "new" / name)


# Prompts with columns


def test_a_prompt_is_asked_of_each_row(serve: Serve, tmp_path: Path) -> None:
    content = 'id,body,tone\n1,"Hello {tone}, {you}",kind\n2,,\n3,Bye,\n'
    found, results = asked(serve, tmp_path / "in.csv", content, prompt="Rewrite {{as JSON}} ({ tone }): {body}")
    assert found == ["Rewrite {as JSON} (kind): Hello {tone}, {you}", "Rewrite {as JSON} (): Bye"]
    assert [line for line, _ in told(results)] == [3]
    with pytest.raises(ValueError, match="there is no text"):
        asked(serve, tmp_path / "in.csv", content, prompt="Summarise: {text}")


def test_a_prompt_is_asked_of_texts_and_dicts_and_a_row_without_its_column_fails_alone(serve: Serve) -> None:
    server = serve(echo)
    rows = [{"body": "a", "n": 5, "custom_id": "x"}, {"other": "b"}, {"body": ["c"], "n": None}, [1]]
    results, _ = run("sync", server.url, rows, concurrency=1, prompt="{body}/{n}")
    assert prompts(server.asked) == ["a/5", '["c"]/']
    assert next(result.custom_id for result in results) == "x"
    assert texts(results)[1::2] == [None, None]
    assert [str(result.answer) for result in list_of(server.url).batch(["a"], prompt="Say {text}")] == ["re: Say a"]


@pytest.mark.parametrize("text", ["no column", "{}", "{a", "a}", "{a}}", "{{a}}", "{ }", "{a{b}}"])
def test_a_prompt_whose_braces_name_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no column"):
        Template(text)


# The command line


def piped(server: Server, tmp_path: Path, given: bytes, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8"}
    environment |= {"OPENAI_API_KEY": "canary-cli-0123456789", "OPENAI_BASE_URL": server.url}
    command = [sys.executable, "-W", "error", "-m", "inference_providers", "batch", *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, env=environment, cwd=ROOT, check=False, timeout=60)


@pytest.mark.parametrize(
    ("given", "form"),
    [
        (b'"a"\n{"prompt": "b"}\n', "auto"),
        (b'["a",\n"b"]', "auto"),
        (b"prompt\na\nb\n", "csv"),
        (b"a\nb\n", "text"),
    ],
)
def test_questions_come_from_standard_input_and_answers_go_to_standard_output(
    serve: Serve, tmp_path: Path, given: bytes, form: str
) -> None:
    done = piped(serve(echo), tmp_path, given, "-", "-o", "-", "-m", "gpt-4o", "--format", form)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["answer"] for line in done.stdout.splitlines()] == ["re: a", "re: b"]
    assert b"2 answered" in done.stderr


def test_standard_input_of_no_known_form_is_refused_and_a_malformed_line_is_told(serve: Serve, tmp_path: Path) -> None:
    refused = piped(serve(echo), tmp_path, b"hello\n", "-", "-o", "-", "-m", "gpt-4o")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert (
        b"Error: Standard input begins with neither of {, [ and a quote, so it is no JSON; what is it? --format takes"
        in (refused.stderr)
    )
    bad = piped(serve(echo), tmp_path, '"é😀"\n{oops\n'.encode(), "-", "-o", tmp_path / "out.jsonl", "-m", "gpt-4o")
    assert bad.returncode == 1
    assert b"line 2: not JSON" in bad.stderr
    assert "re: é😀" in (tmp_path / "out.jsonl").read_text("utf-8")


def test_the_command_line_asks_a_prompt_of_a_column(cli: Any, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("body\nx\ny\n")
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    done = cli(serve(echo), file, "-o", out, "-m", "gpt-4o", "--prompt", "Say {body}")
    assert done.returncode == 0, done.stderr
    assert [row["answer"] for row in table(out)] == ["re: Say x", "re: Say y"]


def test_what_is_wrong_with_standard_input_names_no_file_of_ours(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "inference_providers", "batch", "-", "-o", "-", "-m", "gpt-4o"],
        input="What is one?\nWhat is two?\n",
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OPENAI_API_KEY": "canary-cli-0123456789"},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert "Standard input begins with neither" in done.stderr
    assert tempfile.gettempdir() not in done.stderr.replace(str(tmp_path), "")
