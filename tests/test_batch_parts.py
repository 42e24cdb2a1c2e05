"""A batch in parts, and journals of datasets: what is on disk between a program and whoever asks for it elsewhere."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from inference_providers import AsyncProviderList, ProviderList, __version__, batch
from inference_providers.batches.files import Output
from inference_providers.batches.items import Reader
from inference_providers.batches.journals import Journals
from inference_providers.batches.parts import Parts, line_of
from inference_providers.batches.tables import ANSWERS, prefix
from inference_providers.cli.main import main
from inference_providers.ray import cluster
from inference_providers.ray.spent import Spent
from tests.conftest import list_of
from tests.servers import Server

READER = Reader("m", "be kind", {"max_tokens": 5}, {})
GIVEN: list[Any] = [
    "plain",
    {"custom_id": "a", "prompt": "two", "temperature": 0.5, "models": ["x", "y"]},
    {"custom_id": "o", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [{"role": "user", "content": "é"}]}},
]  # fmt: skip


def line(index: int, answer: str | None, key: str = "") -> str:
    """A line as a batch writes it."""
    found: dict[str, Any] = {"index": index, "answer": answer, "key": key or f"{index:016x}", "error": None}
    found |= {"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "cost": None, "latency": 0.1}
    found |= {"finish_reason": "stop", "attempts": 1}
    if answer is None:
        found["error"] = {"type": "RateLimitError", "message": "too much"}
    return json.dumps(found)


def test_items_come_back_as_they_went(tmp_path: Path) -> None:
    parts = Parts(str(tmp_path / "p"))
    parts.make(str(tmp_path / "out.jsonl"))
    items = [READER.item(given, index, index + 1) for index, given in enumerate(GIVEN)]
    parts.write("000001", [line_of(item) for item in items])
    for item, back in zip(items, parts.items("000001"), strict=True):
        for name in ("index", "line", "custom_id", "key", "openai_form", "body", "problem"):
            assert getattr(back, name) == getattr(item, name), name
        assert back.models == item.models


def test_a_journal_goes_into_the_output_once(tmp_path: Path) -> None:
    parts, out = Parts(str(tmp_path / "p")), str(tmp_path / "out.jsonl")
    parts.make(str(tmp_path / "out.jsonl"))
    journal = Path(parts.journal("000001"))
    content = f"{line(0, 'a')}\n{line(1, None)}\n{line(2, 'c')}\n{line(3, 'cut')[:40]}"
    journal.write_text(content)
    output = Output(out)
    assert [result.index for result in parts.gather("000001", output)] == [0, 1, 2]
    output.close()
    assert not journal.exists()
    journal.write_text(content)  # as if the program had been killed before the journal was gone
    output = Output(out)
    assert [result.index for result in parts.gather("000001", output)] == [1], "what failed was to be asked again"
    output.close()
    assert [json.loads(row)["index"] for row in Path(out).read_text().splitlines()] == [0, 2, 1]


def test_a_part_that_was_gathered_has_nothing_to_be_asked(tmp_path: Path) -> None:
    parts = Parts(str(tmp_path / "p"))
    parts.make(str(tmp_path / "out.jsonl"))
    parts.check()
    parts.write("000001", [line_of(READER.item("x", 0))])
    output = Output(str(tmp_path / "out.jsonl"))
    parts.gather("000001", output)
    output.close()
    assert parts.items("000001") == []


def test_what_was_gathered_counts_as_answered(tmp_path: Path) -> None:
    parts = Parts(str(tmp_path / "p"))
    parts.make(str(tmp_path / "out.jsonl"))
    items = [READER.item(given, index) for index, given in enumerate(("same", "same", "other"))]
    Path(parts.journal("000001")).write_text(line(0, "a", items[0].key) + "\n")
    output = Output(str(tmp_path / "out.jsonl"))
    parts.gather("000001", output)
    output.take_up()
    assert [output.has(item) for item in items] == [True, False, False]
    output.close()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ValueError, match="something other than a batch's parts"):
        Parts(str(tmp_path)).make("o.jsonl")
    Parts(str(tmp_path)).remove()
    with pytest.raises(ValueError, match="something other than journals"):
        Journals(str(tmp_path)).make()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_is_another_one_here(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="all machines share"):
        Parts(str(tmp_path / "p")).check()
    with pytest.raises(FileNotFoundError, match="all machines share"):
        Journals(str(tmp_path / "j")).check()


def test_answers_are_found_by_their_keys(tmp_path: Path) -> None:
    journals = Journals(str(tmp_path / "j"))
    journals.make()
    Path(journals.path("a")).write_text(f"{line(0, 'zero')}\n{line(1, None)}\n{line(7, 'seven')}\n")
    Path(journals.path("b")).write_text(f"{line(5, 'five')}\n{line(9, 'cut')[:30]}")
    index = journals.index()
    found = {number: journals.recalled(index, f"{number:016x}") for number in (0, 1, 5, 7, 9)}
    assert {number: None if result is None else str(result.answer) for number, result in found.items()} == {
        0: "zero", 1: None, 5: "five", 7: "seven", 9: None,
    }  # fmt: skip
    assert journals.recalled(index, "") is None


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"pip install 'ray\[data\]'"):
        batch(["x"], out=tmp_path / "o.jsonl", engine="ray")
    assert not (tmp_path / "o.jsonl").exists() or not (tmp_path / "o.jsonl").read_text()
    from inference_providers.ray import ask

    with pytest.raises(ImportError, match=r"pip install 'ray\[data\]'"):
        ask(None)
    (tmp_path / "in.txt").write_text("What is 2 + 2?\n")
    words = ["batch", str(tmp_path / "in.txt"), "-o", str(tmp_path / "p.jsonl"), "--engine", "ray", "--address", "auto"]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: batches on a cluster need Ray") and "pip install 'ray[data]'" in done.stderr


def test_another_version_on_a_machine_says_what_to_do() -> None:
    cluster.check_version(__version__)
    with pytest.raises(
        RuntimeError, match=rf"{re.escape(__version__)} is installed on .*, and 0\.1\.0 in the program.*py_modules"
    ):
        cluster.check_version("0.1.0")


def test_a_cluster_without_room_for_an_actor_says_so() -> None:
    def of(*memory: int) -> Any:
        return SimpleNamespace(nodes=lambda: [{"Alive": True, "Resources": {"memory": one}} for one in memory])

    cluster.check_room(of(100, 300), 256)
    with pytest.raises(RuntimeError, match=r"an actor needs 256 MiB.*gives Ray 100; `ray start --memory"):
        cluster.check_room(of(50 * 2**20, 100 * 2**20), 256 * 2**20)


def test_options_of_an_engine_are_checked_at_once(tmp_path: Path) -> None:
    providers = ProviderList(environ={"OPENAI_API_KEY": "canary-0123456789"}, local=False)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"engine": "spark"}, 'engine must be "ray"'),
        ({"engine": "ray", "out": None}, "needs an output file"),
        ({"engine": "ray", "mode": "provider"}, "choose one"),
        ({"engine": "ray", "actors": 0}, "actors must be"),
        ({"address": "10.0.0.5:6379"}, "of an engine"),
    ]
    for options, message in wrong:
        with pytest.raises(ValueError, match=message):
            providers.batch(["x"], **{"out": tmp_path / "o.jsonl", **options})


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_list_can_be_made_again(kind: type[Any]) -> None:
    made = kind(
        environ={"OPENAI_API_KEY": "canary-0123456789"}, local=False, timeout=5.0, avoid=["CN"], policy="random"
    )
    given = made.pipeline.given()
    again = kind(**given)
    assert (again.timeout, again.pipeline.given()) == (5.0, given)
    assert "canary" not in repr(made.pipeline.given)


def test_what_lies_beside_a_private_output_is_private(tmp_path: Path) -> None:
    for name, mode in (("private", 0o600), ("open", 0o644)):
        out = tmp_path / name
        out.touch()
        out.chmod(mode)
        parts = Parts.beside(str(out))
        parts.make(str(out))
        assert (os.stat(parts.folder).st_mode & 0o077 == 0) == (name == "private")


def test_a_journal_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    out = Output(str(tmp_path / "out.jsonl"))
    parts = Parts.beside(out.path)
    parts.make(out.path)
    journal = Output(parts.journal("000001"))
    journal.put(line(0, "zero"))
    journal.flush()
    parts.gather_free("000001", out)
    assert parts.journals() == ["000001"]
    journal.close()
    parts.gather_free("000001", out)
    assert parts.journals() == []
    out.close()
    assert Path(out.path).read_text() == line(0, "zero") + "\n"


def test_columns_of_ours_are_never_called_like_one_of_the_input() -> None:
    assert prefix(["text"], ANSWERS) == ""
    assert prefix(["text", "cost"], ANSWERS) == "batch_"
    assert prefix(["answer", "batch_cost"], ANSWERS) == "batch_batch_"


@pytest.mark.parametrize("content", [b"", b"nan" + b" " * 28 + b"\n", b"-1" + b" " * 29 + b"\n", b"1.5\n", b"x" * 32])
def test_what_was_spent_is_read_as_it_was_written_or_not_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".spent"
    spent = Spent(str(path))
    assert spent.read() == 0.0
    for amount in (123456.789, 0.1 + 0.2, 1e-9):
        spent.note(amount, 0.001)
        assert Spent(str(path)).read() == amount
    path.write_bytes(content)
    with pytest.raises(ValueError, match="what was spent before the interruption"):
        Spent(str(path)).read()


def test_what_a_cluster_has_left_is_not_asked_again_by_one_machine(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    server = serve()
    done = list_of(server.url).batch(["a", "b", "c"], "m", out=tmp_path / "one.jsonl")
    assert done.summary.answered == len(server.asked) == 3
    answers = (tmp_path / "one.jsonl").read_text().splitlines(keepends=True)
    for resume in (True, False):
        out = tmp_path / f"{resume}.jsonl"
        parts = Parts.beside(str(out))
        parts.make(str(out))
        Path(parts.journal("000000")).write_text(answers[1] + answers[2][:20])
        before = len(server.asked)
        done = list_of(server.url).batch(["a", "b", "c"], "m", out=out, resume=resume)
        assert (done.summary.answered, done.summary.resumed) == ((2, 1) if resume else (3, 0))
        assert len(server.asked) - before == done.summary.answered
        assert [result.index for result in done] == [0, 1, 2]
        assert not os.path.exists(parts.folder)
