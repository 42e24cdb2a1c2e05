"""What is wrong with questions, rows, files and machines of a batch on a cluster costs that one, and is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.limited_server import numbers
from inference_providers import InvalidRequestError, NoCredentialsError, ProviderList
from inference_providers.batches.parts import Parts
from inference_providers.cli.refused_keys import RefusedKeys
from inference_providers.ray import ask
from tests.cluster.test_ray import AT_ONCE, cluster, lines, of, registry, start_driver, until, url
from tests.conftest import ROOT, places
from tests.servers import Server, status

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]
__all__ = ["cluster", "url"]


def there(cluster: Any, out: Path, **options: Any) -> dict[str, Any]:
    return {"out": out, "engine": "ray", "address": cluster.address, "concurrency": AT_ONCE, **options}


def test_an_item_that_is_no_json_fails_alone(cluster: Any, url: str, tmp_path: Path) -> None:
    questions: list[Any] = [{"prompt": "x", "temperature": object()}, "ok", "ok", {"prompt": 5}, None, ["a"], "\ud800"]
    alone = of(url).batch(questions, "m", out=tmp_path / "one.jsonl")
    done = of(url).batch(questions, "m", **there(cluster, tmp_path / "many.jsonl"))
    kinds = [
        {row["index"]: row["error"] and row["error"]["type"] for row in lines(tmp_path / name)}
        for name in ("one.jsonl", "many.jsonl")
    ]
    assert kinds[0] == kinds[1]
    assert str(done.summary).split(" in ")[0] == str(alone.summary).split(" in ")[0]


def test_nothing_to_ask_needs_no_cluster(tmp_path: Path) -> None:
    options = {"out": tmp_path / "o.jsonl", "engine": "ray", "address": "127.0.0.1:1"}
    assert of("http://127.0.0.1:9").batch([], "m", **options).summary.total == 0
    assert of("http://127.0.0.1:9").batch([{"nothing": 1}], "m", **options).summary.malformed == 1


def test_the_first_failure_ends_it_with_the_error_that_one_machine_raises(
    cluster: Any, url: str, tmp_path: Path
) -> None:
    questions = [*(f"question {number}" for number in range(2000)), "refuse this"]  # the longest part comes first
    with pytest.raises(InvalidRequestError, match="that is refused"):
        of(url).batch(questions, "m", **there(cluster, tmp_path / "o.jsonl", on_error="raise"))
    assert numbers(url)["asked"] < 1000


def test_an_input_that_has_changed_meanwhile(cluster: Any, url: str, tmp_path: Path) -> None:
    given, out = tmp_path / "in.txt", tmp_path / "o.jsonl"
    given.write_text("a\nb\nb\nc\n")
    of(url).batch(given, "m", **there(cluster, out))
    given.write_text("c\nnew\nb\na\nb\nb\n")
    done = of(url).batch(given, "m", **there(cluster, out))
    assert (done.summary.resumed, done.summary.answered) == (4, 2)
    assert [str(result.answer) for result in done] == ["re: c", "re: new", "re: b", "re: a", "re: b", "re: b"]
    given.write_text("new\n")
    of(url).batch(given, "m", **there(cluster, out))
    assert Counter(row["index"] for row in lines(out)) == {0: 1, None: 5}


def test_whom_the_drivers_user_avoids_is_avoided_on_all_machines(
    cluster: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = ProviderList(json_override=registry(url, "P2_API_KEY"), local=False)
    monkeypatch.setenv("INFERENCE_PROVIDERS_AVOID", "p1")
    with pytest.raises(NoCredentialsError, match="INFERENCE_PROVIDERS_AVOID"):
        nodes.batch(["one"], "m", **there(cluster, tmp_path / "o.jsonl"))
    assert numbers(url)["asked"] == 0
    monkeypatch.delenv("INFERENCE_PROVIDERS_AVOID")
    nodes.batch(["one"], "m", **there(cluster, tmp_path / "o.jsonl"))
    assert numbers(url)["asked"] == 1


def test_a_registry_in_a_file_that_is_on_this_machine_alone(
    cluster: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.json").write_text(json.dumps(registry(url)))
    monkeypatch.chdir(tmp_path)
    providers = ProviderList(json_override="own.json", environ={**places(), "P1_API_KEY": "sk-test-0123456789"})
    providers.timeout = 55.0
    assert providers.batch(["one"], "m", **there(cluster, Path("o.jsonl"))).summary.answered == 1


def test_warnings_of_other_machines_are_said_here_once(
    cluster: Any, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    providers = of(url, state="redis://:canary@127.0.0.1:1/0", rate_limits={"p1": {"requests_per_minute": 1000}})
    done = providers.batch([f"question {n}" for n in range(60)], "m", **there(cluster, tmp_path / "o.jsonl", actors=3))
    assert done.summary.answered == 60
    said = [record.message for record in caplog.records if "Redis at 127.0.0.1:1" in record.message]
    assert len(said) == 1 and "canary" not in said[0]


def test_a_key_that_is_refused_on_other_machines_is_told_of_as_here(
    cluster: Any, url: str, tmp_path: Path, serve: Callable[..., Server], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = serve(status(401))
    data = registry(bad.url)
    data["providers"]["p2"] = registry(url, "P2_API_KEY")["providers"]["p1"]
    environ = {**places(), "P1_API_KEY": "sk-canary-0123456789", "P2_API_KEY": "sk-canary-9876543210"}
    said = []
    for where in ({}, there(cluster, tmp_path / "o.jsonl", actors=2)):
        providers = ProviderList(json_override=data, environ=environ, local=False)
        refused = RefusedKeys(providers)
        done = providers.batch(["one", "two", "three"], "m", **{"out": tmp_path / "alone.jsonl", **where})
        assert done.summary.answered == 3
        refused.tell()
        said.append(capsys.readouterr().err.splitlines()[-1])
    assert said == ["p1 refused the key in P1_API_KEY (HTTP 401); p2 answered instead"] * 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a small disk")
def test_a_full_disk_ends_it_and_what_was_written_is_whole(cluster: Any, url: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("a small disk cannot be had here")
    out = disk / "o.jsonl"
    try:
        with pytest.raises(OSError, match="No space left"):
            of(url).batch([f"question {n}" for n in range(600)], "m", **there(cluster, out))
        kept = out.read_bytes()
        assert all(json.loads(line) for line in kept.splitlines())
        subprocess.run(["mount", "-o", "remount,size=10m", str(disk)], check=True)
        done = of(url).batch([f"question {n}" for n in range(600)], "m", **there(cluster, out))
        assert done.summary.answered + done.summary.resumed == 600
        assert Counter(row["index"] for row in lines(out)) == Counter(range(600))
        assert not Parts.beside(str(out)).journals()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_an_actor_is_killed(cluster: Any, url: str, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    driver = start_driver(url, cluster.address, out, 600)
    until(lambda: numbers(url)["answered"] > 100)
    os.kill(min(actors(cluster)), signal.SIGKILL)
    assert driver.wait(200) == 0, driver.communicate()
    assert Counter(row["index"] for row in lines(out)) == Counter(range(600))
    assert all(row["error"] is None for row in lines(out))
    assert numbers(url)["again"] <= AT_ONCE


def actors(cluster: Any) -> set[int]:
    """Processes of this cluster's that ask, as Ray calls them; each is a child of one of its raylets."""
    session = os.fsencode(cluster.head_node.get_session_dir_path())
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            is_ours = session in Path(f"/proc/{parent}/cmdline").read_bytes()
            if is_ours and b"PartWorker" in (path / "cmdline").read_bytes():
                found.add(int(path.name))
    return found


CUT = """
import sys
from tests.cluster.test_ray import of
of(sys.argv[1]).batch([f"question {n}" for n in range(300)], "m", out=sys.argv[3], engine="ray", address=sys.argv[2])
"""


def test_a_journal_that_ends_within_a_line(cluster: Any, url: str, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    driver = subprocess.Popen([sys.executable, "-c", CUT, url, cluster.address, str(out)], cwd=ROOT)
    until(lambda: numbers(url)["answered"] > 100)
    driver.kill()
    driver.wait()
    journals = Path(f"{out}.parts") / "journals"
    until(lambda: sum(path.stat().st_size for path in journals.glob("*.jsonl")) > 0)
    path = max(journals.glob("*.jsonl"), key=lambda path: path.stat().st_size)
    with path.open("ab") as file:
        file.write(b'{"index": 3, "answer": "re: ques')
    (journals / "000777.jsonl").write_bytes(b'{"index": 1, "answer"')
    done = of(url).batch([f"question {n}" for n in range(300)], "m", **there(cluster, out))
    assert done.summary.answered + done.summary.resumed == 300
    assert Counter(row["index"] for row in lines(out)) == Counter(range(300))


class TestDatasets:
    """Rows of Ray Data."""

    @pytest.fixture(autouse=True)
    def connected(self, cluster: Any) -> Any:
        ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
        ray.shutdown()

    def test_rows_of_wrong_types_fail_alone(self, url: str) -> None:
        import pyarrow

        wrong = ["no json", "[", '{"role": 1}', "5", "null", "[" * 5000, None]
        turns = [*wrong, '[{"role": "user", "content": "ok"}]']
        dataset = ray.data.from_arrow(pyarrow.table({"n": list(range(len(turns))), "messages": turns}))
        rows = sorted(ask(dataset, "m", providers=of(url)).take_all(), key=lambda row: row["n"])
        assert [row["answer"] for row in rows] == [None] * len(wrong) + ["re: ok"]
        assert all(row["error"].startswith("MalformedItemError") for row in rows[:-1]), rows
        prompts = pyarrow.table({"prompt": pyarrow.array([1, None], pyarrow.int64())})
        rows = ask(ray.data.from_arrow(prompts), "m", providers=of(url)).take_all()
        assert [row["answer"] for row in rows] == [None, None]
        binary = pyarrow.table({"prompt": pyarrow.array([b"\xff\xfe", b"x"])})
        assert len(ask(ray.data.from_arrow(binary), "m", providers=of(url)).take_all()) == 2

    def test_nested_columns_and_columns_that_are_called_like_ours(self, url: str, tmp_path: Path) -> None:
        rows = [{"n": n, "deep": {"a": [{"b": n}], "c": None}, "answer": "before"} for n in range(4)]
        ray.data.from_items(rows).write_parquet(str(tmp_path / "in"))
        dataset = ray.data.read_parquet(str(tmp_path / "in"))
        for _ in range(3):
            dataset = ask(dataset, "m", providers=of(url), prompt="number {n} of {deep}")
        dataset.write_parquet(str(tmp_path / "out"))
        found = sorted(ray.data.read_parquet(str(tmp_path / "out")).take_all(), key=lambda row: row["n"])
        assert [row["deep"] for row in found] == [row["deep"] for row in rows]
        assert {row["answer"] for row in found} == {"before"}
        for name in ("batch_answer", "batch_batch_answer", "batch_batch_batch_answer"):
            assert [row[name].startswith(f"re: number {n} of") for n, row in enumerate(found)] == [True] * 4

    def test_no_rows(self, url: str) -> None:
        dataset = ray.data.from_items([{"prompt": "x"}]).filter(lambda row: False)
        assert ask(dataset, "m", providers=of(url)).take_all() == []
        assert numbers(url)["asked"] == 0
