"""Batches on a real cluster of Ray: three nodes on this machine, and a provider that allows a fixed number at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.limited_server import limited_server, numbers
from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList
from inference_providers.batches.parts import Parts
from tests.conftest import ROOT, places

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]

KEY, NODES_KEY = "sk-canary-of-the-driver-0123456789", "sk-canary-of-the-nodes-0123456789"
CANARY, BY_HAND = b"sk-canary-of-the-driver", "sk-canary-of-the-driver-by-hand-0123"
AT_ONCE = 12
MEMORY = 80 * 2**20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of three nodes, whose environment has a key of its own."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    from ray.cluster_utils import Cluster

    how = {"num_cpus": 1, "object_store_memory": MEMORY, "env_vars": {"P2_API_KEY": NODES_KEY}}
    made = Cluster(initialize_head=True, head_node_args={**how, "include_dashboard": False})
    for _ in range(2):
        made.add_node(**how)
    made.wait_for_nodes()
    yield made
    if ray.is_initialized():
        ray.shutdown()
    made.shutdown()


@pytest.fixture
def url() -> Iterator[str]:
    """A provider of this test's own."""
    with limited_server(0.1, AT_ONCE) as found:
        yield found


def registry(url: str, key: str = "P1_API_KEY") -> dict[str, Any]:
    connection = {"protocol": "openai", "endpoint": url, "api_key": key}
    return {"providers": {"p1": {"connection": connection, "model_names": {"m": "m"}}}, "auto_model_priority": ["m"]}


def of(url: str, **options: Any) -> ProviderList:
    return ProviderList(json_override=registry(url), environ={**places(), "P1_API_KEY": KEY}, local=False, **options)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_times(path: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "latency"} for row in lines(path)]


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


QUESTIONS: list[Any] = [
    "one",
    {"custom_id": "b", "prompt": "two", "temperature": 0.5},
    {"messages": [{"role": "system", "content": "short"}, {"role": "user", "content": "three"}]},
    {"custom_id": "o", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [{"role": "user", "content": "four"}]}},
    {"nothing": 1},
    "refuse this",
    "one",
    *(f"question {number}" for number in range(50)),
]  # fmt: skip


def test_the_file_is_as_one_machine_writes_it(cluster: Any, url: str, tmp_path: Path) -> None:
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    options: dict[str, Any] = {"system": "be kind", "max_tokens": 5, "concurrency": AT_ONCE}
    alone = of(url).batch(QUESTIONS, "m", out=one, **options)
    there = of(url).batch(QUESTIONS, "m", out=many, engine="ray", address=cluster.address, **options)
    by_index = sorted(without_times(one), key=lambda row: row["index"])
    assert sorted(without_times(many), key=lambda row: row["index"]) == by_index
    assert [str(result) for result in there] == [str(result) for result in alone]
    for name in ("answered", "failed", "malformed", "input_tokens", "output_tokens"):
        assert getattr(there.summary, name) == getattr(alone.summary, name), name
    assert not (tmp_path / "many.jsonl.parts").exists()
    asked = numbers(url)["asked"]
    again = of(url).batch(QUESTIONS, "m", out=many, engine="ray", address=cluster.address, **options)
    assert again.summary.resumed == 55
    assert numbers(url)["asked"] == asked, "what was answered is not asked again"


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_files_of_questions_and_tables_of_answers(cluster: Any, url: str, tmp_path: Path, suffix: str) -> None:
    given, out = tmp_path / f"in.{suffix}", tmp_path / "out.csv"
    if suffix == "csv":
        given.write_text("id,prompt\n" + "".join(f"{number},question {number}\n" for number in range(30)) + 'x,"y\n')
    else:
        given.write_text(
            "".join(json.dumps({"custom_id": str(n), "prompt": f"question {n}"}) + "\n" for n in range(30))
        )
    done = of(url).batch(given, "m", out=out, engine="ray", address=cluster.address, concurrency=AT_ONCE)
    assert done.summary.answered == 30
    rows = out.read_text().splitlines()
    assert rows[30].split(",")[2] == "re: question 29"
    assert len(rows) == 31 + (suffix == "csv")


def test_limits_hold_for_the_whole_cluster(cluster: Any, url: str, tmp_path: Path) -> None:
    done = of(url).batch(
        [f"question {n}" for n in range(400)], "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address,
        concurrency=AT_ONCE, actors=3,
    )  # fmt: skip
    seen = numbers(url)
    assert (done.summary.answered, seen["refused"], seen["peak"]) == (400, 0, AT_ONCE)


def test_the_limit_is_found_by_all_together(cluster: Any, url: str, tmp_path: Path) -> None:
    questions = [f"question {n}" for n in range(400)]
    done = of(url).batch(questions, "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address)
    seen = numbers(url)
    assert (done.summary.answered, seen["distinct"], seen["again"]) == (400, 400, 0)
    assert seen["refused"] < 150, "each refusal halves the limit of all"


def test_answers_that_fit_a_schema(cluster: Any, url: str, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"]}
    out = tmp_path / "o.jsonl"
    of(url).batch(["one", "two"], "m", out=out, engine="ray", address=cluster.address, schema=schema)
    assert sorted(row["parsed"]["said"] for row in lines(out)) == ["one", "two"]


def test_what_is_wrong_is_raised_as_on_one_machine(cluster: Any, url: str, tmp_path: Path) -> None:
    nobody = ProviderList(json_override=registry(url), environ=places(), local=False)
    with pytest.raises(NoCredentialsError):
        nobody.batch(["x"], "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address)
    with pytest.raises(ValueError, match="out="):
        of(url).batch(["x"], "m", engine="ray")
    with pytest.raises(ValueError, match=r"a budget by the day or month is counted by each machine.*redis://"):
        of(url, budget={"per_day": 1.0}).batch(
            ["x"], "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address
        )
    with pytest.raises(ValueError, match="engine must be"):
        of(url).batch(["x"], "m", out=tmp_path / "o.jsonl", engine="spark")  # type: ignore[arg-type]
    with pytest.raises(Exception, match="that is refused"):
        of(url).batch(
            ["refuse this"], "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address, on_error="raise"
        )


def test_where_no_cluster_answers(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionError, match=r"no cluster of Ray answers at 127\.0\.0\.1:1.*ray start --head"):
        of(url).batch(["x"], "m", out=tmp_path / "o.jsonl", engine="ray", address="127.0.0.1:1")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:2")
    with pytest.raises(ConnectionError, match=r"no cluster of Ray answers at 127\.0\.0\.1:2"):
        of(url).batch(["x"], "m", out=tmp_path / "o.jsonl", engine="ray")


def test_asynchronous_programs(cluster: Any, url: str, tmp_path: Path) -> None:
    import asyncio

    providers = AsyncProviderList(json_override=registry(url), environ={**places(), "P1_API_KEY": KEY}, local=False)

    async def come() -> Any:
        for number in range(40):
            yield f"question {number}"

    async def run() -> set[int]:
        batch = providers.batch(come(), "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address)
        return {result.index async for result in batch}

    assert asyncio.run(run()) == set(range(40))


def test_keys_of_the_driver_go_from_process_to_process_alone(cluster: Any, url: str, tmp_path: Path) -> None:
    of(url).batch(["one"], "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address)
    nobody = ProviderList(json_override=registry(url), environ=places(), local=False)
    nobody.batch(["two"], "p1/m", out=tmp_path / "p.jsonl", engine="ray", address=cluster.address, api_key=BY_HAND)
    assert numbers(url)["keys"] == [KEY, BY_HAND]
    session = Path(cluster.head_node.get_session_dir_path())
    written = [path for path in session.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if CANARY in path.read_bytes()] == []
    stores = [path for path in Path("/dev/shm").iterdir() if path.is_file() and os.access(path, os.R_OK)]
    assert [path for path in stores if CANARY in path.read_bytes()] == []


def test_a_list_without_an_environment_goes_by_that_of_each_node(cluster: Any, url: str, tmp_path: Path) -> None:
    nobodys = ProviderList(json_override=registry(url, "P2_API_KEY"), local=False)
    nobodys.batch(["one"], "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address)
    assert numbers(url)["keys"] == [NODES_KEY]


def test_a_node_is_killed(cluster: Any, url: str, tmp_path: Path) -> None:
    """All answers are there, and what was answered was not asked again."""
    node = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    cluster.wait_for_nodes()
    out = tmp_path / "o.jsonl"
    driver = start_driver(url, cluster.address, out, 900, actors=4)
    until(lambda: numbers(url)["answered"] > 300)
    cluster.remove_node(node, allow_graceful=False)  # its raylet is killed
    assert driver.wait(200) == 0, driver.communicate()
    seen = numbers(url)
    assert Counter(row["index"] for row in lines(out)) == Counter(range(900))
    assert all(row["error"] is None for row in lines(out))
    assert seen["again"] <= AT_ONCE


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_driver_ends_and_another_goes_on(cluster: Any, url: str, tmp_path: Path, how: signal.Signals) -> None:
    out = tmp_path / "o.jsonl"
    driver = start_driver(url, cluster.address, out, 600)
    until(lambda: numbers(url)["answered"] > 200)
    driver.send_signal(how)
    assert driver.wait(60) != 0
    time.sleep(2)  # its workers end
    seen = numbers(url)
    assert seen["answered"] < 600
    again = start_driver(url, cluster.address, out, 600)
    assert again.wait(200) == 0, again.communicate()
    assert Counter(row["index"] for row in lines(out)) == Counter(range(600))
    seen = numbers(url)
    assert (seen["distinct"], seen["again"] <= AT_ONCE) == (600, True)
    assert not Parts.beside(str(out)).journals()


def start_driver(url: str, address: str, out: Path, count: int, actors: int = 3) -> subprocess.Popen[str]:
    code = (
        "import sys, json; from tests.cluster.test_ray import of\n"
        f"of({url!r}).batch([f'question {{n}}' for n in range({count})], 'm', out={str(out)!r}, engine='ray', "
        f"address={address!r}, concurrency={AT_ONCE}, actors={actors})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
