"""Vectors on the command line: of one text, and collections of many, in which nothing is paid for twice or lost."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inference_providers import InvalidRequestError, ProviderList
from inference_providers.chat.vectors import TEXTS
from inference_providers.cli.main import main
from inference_providers.vectors import search
from inference_providers.vectors.collection import MixedModelsError, packed, unpacked
from inference_providers.vectors.filling import Filling
from inference_providers.vectors.query import similar
from inference_providers.vectors.search import nearest
from inference_providers.vectors.sources import Text
from inference_providers.vectors.store import Store
from tests.conftest import ROOT, places
from tests.servers import Connection, Received, Server

Serve = Callable[..., Server]
Cli = Callable[..., Result]
CANARY = "canary-vectors-0123456789"
WORDS = ("cat", "dog", "sql", "table", "rain", "sun")


def vectors(connection: Connection, request: Received) -> None:
    """Vectors that mean something: how often each of a few words is in a text."""
    if not request.path.endswith("/embeddings"):
        connection.reply(200, {"data": [{"id": "nomic-embed-text"}], "object": "list"})
        return
    body = request.json
    rows = [
        {"index": place, "embedding": [text.count(word) + 0.01 for word in WORDS][: body.get("dimensions")]}
        for place, text in enumerate(body["input"])
    ]
    connection.reply(200, {"data": rows, "usage": {"prompt_tokens": sum(len(text.split()) for text in body["input"])}})


def texts_of(server: Server) -> list[str]:
    return [text for request in server.asked for text in request.json["input"]]


@pytest.fixture
def cli(serve: Serve) -> Cli:
    """Run `inference-providers` in this process; `cli.server` is whoever answers to OpenAI's key."""
    server = serve(vectors)
    keys = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url, "OLLAMA_HOST": "127.0.0.1:9"}

    def run(*arguments: str, code: int = 0, stdin: str | bytes = "", **environ: str) -> Result:
        done = CliRunner().invoke(main, list(arguments), input=stdin, env={**keys, **environ})
        assert done.exit_code == code, done.output
        assert CANARY not in done.output
        return done

    run.server = server  # type: ignore[attr-defined]
    return run


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "cats.md").write_text("the cat and another cat\n")
    (folder / "deep" / "tables.md").write_text("sql has a table")
    (folder / "deep" / "weather.md").write_text("rain, then sun")
    (folder / ".secret.md").write_text("the dog's password")
    (folder / "empty.md").write_text(" \n")
    (folder / "picture.md").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    return folder


# One text


@pytest.mark.parametrize("how", ["argument", "file"])
def test_a_text_becomes_its_vector(cli: Any, tmp_path: Path, how: str) -> None:
    (tmp_path / "text").write_text("a cat")
    given = {"argument": ["a", "cat"], "file": ["--file", str(tmp_path / "text")]}[how]
    done = cli("embed", "-m", "text-embedding-3-small", *given)
    assert json.loads(done.stdout) == [1.01, 0.01, 0.01, 0.01, 0.01, 0.01]
    assert done.stdout.count("\n") == 1
    assert cli.server.asked[0].json == {"model": "text-embedding-3-small", "input": ["a cat"]}


def test_a_text_may_come_on_standard_input(cli: Any, tmp_path: Path) -> None:
    environ = {**places(), "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": cli.server.url, "OLLAMA_HOST": "127.0.0.1:9"}
    environ |= {"PYTHONPATH": str(ROOT), "INFERENCE_PROVIDERS_LOG": "off"}
    command = [sys.executable, "-m", "inference_providers", "embed"]
    done = subprocess.run(command, env=environ, input=b"a cat", capture_output=True, check=True)
    assert json.loads(done.stdout) == [1.01, 0.01, 0.01, 0.01, 0.01, 0.01]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"Give a text" in done.stderr


def test_json_says_whose_vector_it_is_and_what_it_cost(cli: Any) -> None:
    done = cli("embed", "a cat", "--json", "--dimensions", "2", "-o", "input_type=query", "-o", "n=2")
    found = json.loads(done.stdout)
    assert (found["provider"], found["dimensions"], found["embedding"]) == ("openai", 2, [1.01, 0.01])
    assert found["model"] == found["canonical_name"] == "text-embedding-3-small"
    assert found["usage"] == {"input_tokens": 2}
    assert found["cost"] > 0
    body = cli.server.asked[0].json
    assert (body["dimensions"], body["input_type"], body["n"]) == (2, "query", 2)


@pytest.mark.parametrize(("arguments", "told"), [
    (["embed", "x", "--file", "setup.py"], "not both"),
    (["embed", "x", "--store"], "are for a collection"),
    (["embed", "--files", ".", "*.md"], "Name the collection"),
    (["embed", "c", "text", "--lines", "-"], "needs an id"),
    (["embed", "c", "--lines", "-", "--csv", "-"], "Give one of"),
    (["embed", "c", "--files", "nowhere", "*"], "nowhere is not a folder"),
    (["embed", "c", "--files", ".", "../*"], "leads out of"),
    (["embed", "c", "--files", ".", "/etc/*"], "leads out of"),
    (["embed", "c" * 101, "--lines", "-"], "A collection's name"),
    (["embed", "x", "-o", "query"], "Give KEY=VALUE"),
    (["embed", "x", "-o", "model=other"], "is not an option of the model"),
    (["similar", "c", "x"], "There is no collection 'c'. `inference-providers embed` makes one."),
])  # fmt: skip
def test_what_is_not_meant_so_costs_nothing(cli: Any, arguments: list[str], told: str) -> None:
    done = cli(*arguments, code=1 if arguments[0] == "similar" else 2)
    assert told in done.stderr
    assert cli.server.asked == []


# Collections


def test_files_become_a_collection_in_which_they_are_found(cli: Any, notes: Path) -> None:
    done = cli("embed", "notes", "--files", str(notes), "**/*.md", "--store", "-m", "text-embedding-3-small")
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "picture.md: left out: it is an image",
        "3 embedded, 0 unchanged; text-embedding-3-small of openai: 12 tokens, <$0.0001",
    ]
    assert "password" not in str(texts_of(cli.server))
    found = json.loads(cli("similar", "notes", "which cat?", "--json").stdout)
    assert [row["id"] for row in found] == ["cats.md", "deep/tables.md", "deep/weather.md"]
    assert found[0] == {"score": pytest.approx(1, abs=1e-3), "id": "cats.md", "content": "the cat and another cat\n", "metadata": None}  # fmt: skip
    asked = len(cli.server.asked)
    (line,) = cli("similar", "notes", "--id", "cats.md", "-n", "1").stdout.splitlines()
    assert line.split("\t")[1:] == ["deep/tables.md", "sql has a table"]
    assert len(cli.server.asked) == asked  # for that, nobody is asked
    assert "has no entry 'dogs.md'" in cli("similar", "notes", "--id", "dogs.md", code=1).stderr


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_links_lead_neither_out_of_the_folder_nor_in_circles(cli: Any, notes: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("the password")
    (notes / "key.md").symlink_to(tmp_path / "secret.md")
    (notes / "gone.md").symlink_to(tmp_path / "gone.md")
    (notes / "same.md").symlink_to("cats.md")
    for place in (notes, notes / "deep"):  # each more than doubles the ways
        for number in range(3):
            (place / f"up{number}").symlink_to(notes, target_is_directory=True)
    (notes / "out").symlink_to(tmp_path, target_is_directory=True)
    done = cli("embed", "c", "--files", str(notes), "**/*.md")
    assert "key.md: left out: it is a link that leads out of the folder" in done.stderr
    assert ids() == {"cats.md", "deep/tables.md", "deep/weather.md", "same.md"}
    assert "out/secret.md: left out: it is a link" in cli("embed", "d", "--files", str(notes), "out/*.md").stderr
    assert "password" not in str(texts_of(cli.server))


def test_what_has_not_changed_is_not_embedded_again_whatever_it_is_called(cli: Any, notes: Path) -> None:
    fill = ("embed", "notes", "--files", str(notes), "**/*.md")
    cli(*fill)
    assert "0 embedded, 3 unchanged" in cli(*fill).stderr
    (notes / "cats.md").rename(notes / "kittens.md")
    (notes / "deep" / "weather.md").write_text("sun again")
    done = cli(*fill, "--prune", "--json")
    told = json.loads(done.stdout)
    assert (told["embedded"], told["unchanged"], told["removed"]) == (1, 2, 1)
    assert texts_of(cli.server)[3:] == ["sun again"]
    # Texts that were not kept are, at no cost.
    assert json.loads(cli("similar", "notes", "--id", "kittens.md", "--json").stdout)[0]["content"] is None
    assert "0 embedded, 3 unchanged" in cli(*fill, "--store").stderr
    found = json.loads(cli("similar", "notes", "--id", "deep/weather.md", "--json").stdout)
    assert {row["id"]: row["content"] for row in found} == {
        "kittens.md": "the cat and another cat\n",
        "deep/tables.md": "sql has a table",
    }


@pytest.mark.parametrize("pattern", ["*.txt", "deeper/*.md"])
def test_a_pattern_that_nothing_fits_is_told_and_removes_nothing(cli: Any, notes: Path, pattern: str) -> None:
    cli("embed", "notes", "--files", str(notes), "**/*.md")
    done = cli("embed", "notes", "--files", str(notes), "**/*.md", "--files", str(notes), pattern, "--prune", code=2)
    assert f"No file in {notes} fits '{pattern}', so nothing was removed" in done.stderr
    assert len(json.loads(cli("similar", "notes", "cat", "--json").stdout)) == 3
    told = cli("embed", "notes", "--files", str(notes), pattern).stderr
    assert told == f"No file in {notes} fits '{pattern}'.\n0 embedded, 0 unchanged\n"


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        (
            "gpt-4o",
            2,
            "Error: 'gpt-4o' is a model to talk to; `inference-providers models --kind embeddings` lists others.",
        ),
        ("bge-m33", 4, "Did you mean bge-m3"),
        ("nonsense-zzz", 4, "No model for embeddings is called 'nonsense-zzz'.\n"),
    ],
)
def test_a_model_of_another_kind_is_told_before_it_is_asked(cli: Any, name: str, code: int, told: str) -> None:
    assert told in cli("embed", "-m", name, "a text", code=code).stderr
    assert cli.server.asked == []


@pytest.mark.parametrize("source", ["lines", "jsonl", "csv"])
def test_an_input_without_a_text_removes_nothing(cli: Any, source: str) -> None:
    cli("embed", "c", "--lines", "-", stdin="a cat")
    done = cli("embed", "c", f"--{source}", "-", "--prune", stdin="id,content\n" if source == "csv" else "", code=2)
    assert "No text came, so nothing was removed from the collection 'c'." in done.stderr
    assert len(json.loads(cli("similar", "c", "cat", "--json").stdout)) == 1


@pytest.mark.parametrize("source", ["lines", "jsonl", "csv"])
@pytest.mark.parametrize("how", ["file", "stdin"])
def test_tables_and_lines_become_collections(cli: Any, tmp_path: Path, source: str, how: str) -> None:
    text = {
        "lines": "a cat\n\na dog\n",
        "jsonl": '{"id": "1", "content": "a cat", "tag": "x"}\n{"id": 3, "text": "a dog", "tag": null}\n',
        "csv": 'id,content,tag\n1,a cat,x\n3,"a dog",\n',
    }[source]
    (tmp_path / "in").write_text(text)
    done = cli("embed", "c", f"--{source}", "-" if how == "stdin" else str(tmp_path / "in"), stdin=text)
    assert "2 embedded" in done.stderr
    found = json.loads(cli("similar", "c", "dog", "--json").stdout)
    assert [row["id"] for row in found] == ["3", "1"]
    assert found[1]["metadata"] == ({"tag": "x"} if source != "lines" else None)


def test_what_cannot_be_read_is_named_and_the_rest_embedded(cli: Any, tmp_path: Path) -> None:
    rows = ['{"id": 1, "content": "a cat"}', "{", "[1]", '{"id": 2}', '"a dog"']
    done = cli("embed", "c", "--jsonl", "-", "--prune", stdin="\n".join(rows), code=1)
    assert [line.split(":")[0] for line in done.stderr.splitlines()[:3]] == ["line 2", "line 3", "line 4"]
    assert texts_of(cli.server) == ["a cat", "a dog"]
    told = cli("embed", "c", "--csv", "-", stdin="id,body\n1,x\n", code=2).stderr
    assert "Error: Standard input has the columns id, body; one must be called content or text" in told
    assert (
        "Standard input is an image" in cli("embed", "c", "--lines", "-", stdin=b"\x89PNG\r\n\x1a\n\0", code=2).stderr
    )


def test_what_could_not_be_written_is_not_asked_for(cli: Any, tmp_path: Path) -> None:
    half, odd = '{"id": 1, "content": "half \\ud83d"}', '{"id": "\\udc00", "content": "a cat"}'
    rows = [half, odd, '{"id": 2, "content": "a dog", "tag": "\\ud83d"}']
    done = cli("embed", "c", "--jsonl", "-", "--store", stdin="\n".join(rows), code=1)
    assert done.stderr.count("left out: it holds half of a character") == 2
    assert texts_of(cli.server) == ["a dog"]
    (tmp_path / "odd").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "odd") + b"/caf\xe9.md")).write_text("a cat")
    cli("embed", "c", "--files", str(tmp_path / "odd"), "*.md")
    assert ids() == {"2", "caf\\xe9.md"}


def test_models_and_lengths_are_never_mixed(cli: Any) -> None:
    cli("embed", "c", "--id", "1", "a cat", "-m", "text-embedding-3-small", "--dimensions", "3")
    asked = len(cli.server.asked)
    for more in (["-m", "openai/text-embedding-3-large"], ["--dimensions", "2"], ["-o", "input_type=document"]):
        done = cli("embed", "c", "--id", "2", "a dog", *more, code=2)
        assert "cannot be compared" in done.stderr or "could not be compared" in done.stderr
    assert len(cli.server.asked) == asked
    cli("embed", "c", "--id", "2", "a dog", "-m", "openai/text-embedding-3-small")
    cli("similar", "c", "dog")
    assert [request.json["dimensions"] for request in cli.server.asked] == [3, 3, 3]


def test_a_server_here_is_asked_again_by_what_it_calls_its_model(cli: Any, serve: Serve) -> None:
    here = serve(vectors)
    environ = {"OLLAMA_HOST": f"127.0.0.1:{here.port}", "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    cli("embed", "c", "--id", "1", "a cat", "-m", "nomic-embed-text", **environ)
    cli("embed", "c", "--id", "2", "a dog", **environ)
    assert json.loads(cli("similar", "c", "cat", "--json", **environ).stdout)[0]["id"] == "1"
    assert cli.server.asked == []
    assert json.loads(cli("collections", "list", "--json").stdout)[0]["model"] == "nomic-embed-text"


def test_a_model_that_nobody_knows_is_asked_of_whoever_had_it(cli: Any) -> None:
    cli("embed", "c", "--id", "1", "a cat", "-m", "openai/text-embedding-9-tiny")
    cli("embed", "c", "--id", "2", "a dog")
    cli("similar", "c", "cat")
    assert {request.json["model"] for request in cli.server.asked} == {"text-embedding-9-tiny"}


def test_collections_are_listed_and_removed_without_a_trace(cli: Any, tmp_path: Path) -> None:
    assert "There is no collection" in cli("collections").stderr
    cli("embed", "one", "--id", "1", "a cat called unmistakable", "--store")
    cli("embed", "two", "--id", "1", "a dog")
    assert "This is the vector of the word 'two'." in cli("embed", "two").stderr
    assert cli("embed", "three").stderr == cli("embed", "two", "three").stderr == ""
    assert [line.split("\t") for line in cli("collections").stdout.splitlines()] == [
        ["one", "text-embedding-3-small", "6", "1", "24 B"],
        ["two", "text-embedding-3-small", "6", "1", "24 B"],
    ]
    file = tmp_path / "data" / "inference_providers" / "vectors.sqlite"
    assert str(file) in cli("paths").stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "give --yes" in cli("collections", "delete", "one", code=2).stderr
    cli("collections", "delete", "one", "-y")
    assert [row["collection"] for row in json.loads(cli("collections", "list", "--json").stdout)] == ["two"]
    assert not any(b"unmistakable" in path.read_bytes() for path in file.parent.glob("vectors.sqlite*"))
    assert "There are two." in cli("collections", "delete", "one", "-y", code=1).stderr
    cli("purge", "vectors", "--yes")
    assert list(file.parent.glob("vectors*")) == []


def test_names_of_collections_and_models_are_completed(cli: Any) -> None:
    def complete(words: str, count: int) -> list[str]:
        environ = {"_INFERENCE_PROVIDERS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        return [line.partition(",")[2] for line in CliRunner().invoke(main, [], prog_name="inference-providers", env=environ).stdout.split()]  # fmt: skip

    assert complete("inference-providers similar n", 2) == []
    cli("embed", "notes", "--id", "1", "a cat")
    for command in ("similar", "embed", "collections delete"):
        assert complete(f"inference-providers {command} n", 1 + len(command.split())) == ["notes"]
    assert "text-embedding-3-small" in complete("inference-providers embed -m text-e", 3)


def test_what_cannot_be_written_is_told_before_anything_is_paid_for(cli: Any, tmp_path: Path) -> None:
    cli("embed", "c", "--id", "1", "a cat")
    file = tmp_path / "data" / "inference_providers" / "vectors.sqlite"
    file.chmod(0o666)
    done = cli("embed", "c", "--id", "2", "a dog", code=1)
    assert "vectors.sqlite" in done.stderr
    assert texts_of(cli.server) == ["a cat"]


# Interruptions, refusals


def list_at(server: Server) -> ProviderList:
    environ = {**places(), "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}
    return ProviderList(environ=environ, local=False)


def filling(server: Server, **how: Any) -> Filling:
    return Filling(Store.of(os.environ), list_at(server).pipeline, "c", "text-embedding-3-small", **how)


def ids(name: str = "c") -> set[str]:
    store = Store.of(os.environ)
    collection = store.get(name)
    return set() if collection is None else set(store.known(collection))


def test_what_is_under_way_at_an_interruption_is_waited_for_and_kept(serve: Serve) -> None:
    go_on = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        if len(server.requests) > 1:
            assert go_on.wait(60)
        vectors(connection, request)

    def interrupted() -> Iterator[Text]:
        yield from (Text(str(number), f"text {number}") for number in range(3 * TEXTS))
        yield Text("last", "never sent")
        raise KeyboardInterrupt

    server = serve(slow)
    waited: list[int] = []
    work = filling(server)
    work.ending = lambda requests: (waited.append(requests), go_on.set())  # type: ignore[func-returns-value, assignment]
    with pytest.raises(KeyboardInterrupt):
        work.fill(interrupted())
    assert waited == [2]
    assert ids() == {str(number) for number in range(3 * TEXTS)}
    done = filling(server).fill([Text(str(number), f"text {number}") for number in range(3 * TEXTS)])
    assert (done.embedded, done.unchanged) == (0, 3 * TEXTS)


def test_what_came_before_a_failure_is_kept(serve: Serve) -> None:
    def failing(connection: Connection, request: Received) -> None:
        if len(server.requests) == 1:
            vectors(connection, request)
        else:
            connection.reply(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})

    server = serve(failing)
    with pytest.raises(Exception, match="key"):
        filling(server).fill(Text(str(number), f"text {number}") for number in range(2 * TEXTS))
    assert len(ids()) == TEXTS


def test_ctrl_c_ends_the_command_with_what_came(serve: Serve, tmp_path: Path) -> None:
    def slow(connection: Connection, request: Received) -> None:
        if len(server.requests) > 1:
            process.send_signal(signal.SIGINT)
            assert told.wait(60)
        vectors(connection, request)

    server, told = serve(slow), threading.Event()
    (tmp_path / "in").write_text("".join(f"line {number}\n" for number in range(2 * TEXTS)))
    environ = {**places(), "OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url, "OLLAMA_HOST": "127.0.0.1:9"}
    environ |= {"PYTHONPATH": str(ROOT), "INFERENCE_PROVIDERS_LOG": "off"}
    command = [sys.executable, "-m", "inference_providers", "embed", "c", "--lines", str(tmp_path / "in")]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "Waiting for a request under way" in line:
                told.set()
    assert process.returncode == 130
    assert f"{2 * TEXTS} texts embedded and kept" in lines[-1]
    assert len(ids()) == 2 * TEXTS


@pytest.mark.parametrize("word", ["maximum context length is 8192 tokens", "inputs must not contain dogs"])
def test_a_text_that_is_refused_does_not_take_the_others_with_it(serve: Serve, word: str) -> None:
    def picky(connection: Connection, request: Received) -> None:
        if any("dog" in text for text in request.json["input"]):
            connection.reply(400, {"error": {"message": f"This model's {word}", "type": "invalid_request_error"}})
        else:
            vectors(connection, request)

    server = serve(picky)
    texts = [Text(str(number), f"a cat {number}") for number in range(20)]
    done = filling(server).fill([*texts[:7], Text("dog", "a dog"), *texts[7:]])
    assert [id for id, _ in done.refused] == ["dog"]
    assert done.embedded == 20
    assert ids() == {one.id for one in texts}
    assert len(server.asked) < 12


def test_a_request_that_is_refused_whatever_is_in_it_is_not_taken_apart_for_ever(serve: Serve) -> None:
    def wrong(connection: Connection, request: Received) -> None:
        connection.reply(400, {"error": {"message": "Unknown parameter: 'colour'", "type": "invalid_request_error"}})

    server = serve(wrong)
    with pytest.raises(InvalidRequestError, match="colour"):
        filling(server, extra={"colour": 1}).fill(Text(str(number), f"text {number}") for number in range(TEXTS))
    assert len(server.asked) < 25


def test_groups_are_as_large_as_the_provider_takes(serve: Serve) -> None:
    from tests.test_kinds import environ, rows_of

    server = serve(vectors)
    registry = rows_of(server, models={"m": ["a"]})
    registry["providers"]["a"]["connection"]["kinds"]["embeddings"] = {"inputs": 10}
    providers = ProviderList(json_override=registry, environ={**places(), **environ(1)}, local=False)
    work = Filling(Store.of(os.environ), providers.pipeline, "c", "m")
    assert work.fill(Text(str(number), f"text {number}") for number in range(25)).embedded == 25
    assert sorted(len(request.json["input"]) for request in server.asked) == [5, 10, 10]


def test_a_provider_that_is_named_is_asked_for_all_texts(serve: Serve) -> None:
    from tests.test_kinds import environ, rows_of

    first, second = serve(vectors), serve(vectors)
    registry = rows_of(first, second, models={"m": ["a", "b"]})
    providers = ProviderList(json_override=registry, environ={**places(), **environ(2)}, local=False)
    for begin in (0, 1000):
        work = Filling(Store.of(os.environ), providers.pipeline, "c", "b/m")
        work.fill(Text(str(number), f"text {number}") for number in range(begin, begin + TEXTS + 1))
    assert (len(first.asked), len(second.asked)) == (0, 4)
    Filling(Store.of(os.environ), providers.pipeline, "c").fill([Text("x", "another")])
    assert len(first.asked) == 1


def test_a_collection_that_is_removed_meanwhile_leaves_nothing_behind(serve: Serve) -> None:
    def removing(connection: Connection, request: Received) -> None:
        if len(server.requests) == 2:
            assert Store.of(os.environ).delete("c")
        vectors(connection, request)

    server = serve(removing)
    with pytest.raises(ValueError, match="removed meanwhile"):
        filling(server).fill(Text(str(number), f"text {number}") for number in range(TEXTS + 1))
    assert Store.of(os.environ).summaries() == []


def test_a_reply_of_another_length_is_not_put_in(serve: Serve) -> None:
    def changing(connection: Connection, request: Received) -> None:
        width = 3 if len(server.requests) == 1 else 2
        rows = [{"index": place, "embedding": [1.0] * width} for place, _ in enumerate(request.json["input"])]
        connection.reply(200, {"data": rows})

    server = serve(changing)
    work = filling(server)
    with pytest.raises(MixedModelsError, match="vectors of 3 numbers"):
        work.fill(Text(str(number), f"text {number}") for number in range(TEXTS + 1))
    assert len(ids()) == TEXTS
    assert work.filled.tokens is None


# The search


def test_the_nearest_are_found_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    vectors = [[chance.gauss(0, 1) for _ in range(24)] for _ in range(200)]
    rows = [(number, packed(vector)[1], packed(vector)[0]) for number, vector in enumerate(vectors)]
    query = [chance.gauss(0, 1) for _ in range(24)]

    def cosine(vector: list[float]) -> float:
        dot = sum(a * b for a, b in zip(vector, query, strict=True))
        return float(dot / (sum(a * a for a in vector) ** 0.5 * sum(b * b for b in query) ** 0.5))

    wanted = sorted(((cosine(vector), number) for number, vector in enumerate(vectors)), reverse=True)[:10]
    for sumprod in (None, lambda one, other: sum(a * b for a, b in zip(one, other, strict=True))):
        monkeypatch.setattr(search, "_sumprod", sumprod)
        found = nearest(rows, query, 10)
        assert [number for _, number in found] == [number for _, number in wanted]
        assert [score for score, _ in found] == pytest.approx([score for score, _ in wanted], abs=1e-6)


def test_vectors_without_a_direction_are_no_trouble() -> None:
    zero, unit = packed([0, 0]), packed([0, 2.5])
    rows = [(1, zero[1], zero[0]), (2, unit[1], unit[0])]
    assert nearest(rows, [0.0, 1.0], 5) == [(1.0, 2), (0.0, 1)]
    assert [score for score, _ in nearest(rows, [0.0, 0.0], 5)] == [0.0, 0.0]
    assert nearest([], [1.0], 5) == []
    assert list(unpacked(unit[0])) == [0, 2.5]
    with pytest.raises(ValueError, match="too large"):
        packed([1e300])


def test_a_row_that_somebody_has_spoilt_is_passed_over(cli: Any, tmp_path: Path) -> None:
    cli("embed", "c", "--lines", "-", stdin="a cat\na dog\n")
    with (
        closing(sqlite3.connect(tmp_path / "data" / "inference_providers" / "vectors.sqlite")) as connection,
        connection,
    ):
        connection.execute("UPDATE entries SET vector = x'00' WHERE id = '1'")
    connection.close()
    store = Store.of(os.environ)
    collection = store.get("c")
    assert collection is not None
    assert [row["id"] for row in similar(store, collection, [1.0] * 6, 5)] == ["2"]
