"""`max_cost` of a batch on a cluster: all machines together hold to it, whoever is killed, and after an interruption."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.limited_server import numbers
from inference_providers import ProviderList
from inference_providers.ray import ask
from tests.cluster.test_ray import AT_ONCE, KEY, MEMORY, cluster, lines, registry, until, url
from tests.conftest import ROOT, places

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]
__all__ = ["cluster", "url"]

EACH = 3 * 100 / 1e6 + 2 * 1000 / 1e6  # USD: what an answer costs
FACTS = [100_000, 4000, 100, 1000]
LOST = 2 * AT_ONCE * 0.008  # USD that are lost with a kill: what may be under way, and as much that was lent ahead


def priced(url: str, **options: Any) -> ProviderList:
    data = registry(url)
    data["providers"]["p1"]["facts"] = {"m": FACTS}
    return ProviderList(json_override=data, environ={**places(), "P1_API_KEY": KEY}, local=False, **options)


def questions(count: int) -> list[str]:
    return [f"question {number}" for number in range(count)]


def test_it_holds_for_all_machines_together_and_is_used_up(cluster: Any, url: str, tmp_path: Path) -> None:
    limit = 100.5 * EACH
    done = priced(url).batch(
        questions(400), "m", out=tmp_path / "o.jsonl", engine="ray", address=cluster.address, actors=3,
        concurrency=AT_ONCE, max_tokens=2, max_cost=limit,
    )  # fmt: skip
    assert 0 < done.summary.answered == numbers(url)["asked"]
    assert 0.95 * limit < done.summary.cost <= limit
    failed = [row["error"] for row in lines(tmp_path / "o.jsonl") if row["error"]]
    assert {error["type"] for error in failed} == {"BudgetExceededError"}
    assert len(failed) == 400 - done.summary.answered
    assert all(f"of the ${limit:.5f} of this batch are left" in error["message"] for error in failed), failed[0]


def test_what_lets_nothing_through_asks_nobody(cluster: Any, url: str, tmp_path: Path) -> None:
    words: list[dict[str, Any]] = [
        {"max_cost": EACH / 2},
        {"cost_optimization": {"max_cost": EACH / 2}},
    ]
    for number, options in enumerate(words):
        done = priced(url).batch(
            questions(20), "m", out=tmp_path / f"{number}.jsonl", engine="ray", address=cluster.address,
            max_tokens=2, **options,
        )  # fmt: skip
        assert done.summary.failed == 20
    listed = priced(url)
    listed.configure_providers({"cost_optimization": {"max_cost": EACH / 2}})
    done = listed.batch(
        questions(20), "m", out=tmp_path / "listed.jsonl", engine="ray", address=cluster.address, max_tokens=2
    )
    assert done.summary.failed == 20, "what a list prefers since it was made counts on all machines"
    assert numbers(url)["asked"] == 0


def test_a_node_is_killed(cluster: Any, url: str, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    cluster.wait_for_nodes()
    out, limit = tmp_path / "o.jsonl", 400.5 * EACH
    driver = start(url, cluster.address, out, 900, limit, actors=4)
    until(lambda: numbers(url)["answered"] > 150)
    cluster.remove_node(node, allow_graceful=False)
    assert driver.wait(200) == 0, driver.communicate()
    asked = numbers(url)["asked"]
    assert asked * EACH <= limit
    assert asked * EACH + LOST > limit, "what the dead one had set aside, and no more, is lost"
    assert len({row["index"] for row in lines(out)}) == 900


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_what_was_spent_before_an_interruption_counts(
    cluster: Any, url: str, tmp_path: Path, how: signal.Signals
) -> None:
    out, limit = tmp_path / "o.jsonl", 300.5 * EACH
    driver = start(url, cluster.address, out, 900, limit)
    until(lambda: numbers(url)["answered"] > 150)
    driver.send_signal(how)
    assert driver.wait(60) != 0
    time.sleep(2)  # its workers end
    assert start(url, cluster.address, out, 900, limit).wait(200) == 0
    asked = numbers(url)["asked"]
    assert asked * EACH <= limit
    assert asked * EACH + LOST > limit
    assert not Path(f"{out}.parts").exists()


def test_a_dataset_and_its_journal(cluster: Any, url: str, tmp_path: Path) -> None:
    ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
    try:
        dataset, limit = ray.data.from_items([{"prompt": one} for one in questions(60)]), 20.5 * EACH
        for _ in range(2):
            answered = ask(
                dataset, "m", providers=priced(url), journal=tmp_path / "journal", max_tokens=2, max_cost=limit
            )
            rows = answered.take_all()
            assert 15 <= sum(row["answer"] is not None for row in rows) <= 20
        assert numbers(url)["asked"] * EACH <= limit
    finally:
        ray.shutdown()


def start(url: str, address: str, out: Path, count: int, limit: float, actors: int = 3) -> subprocess.Popen[str]:
    code = (
        "from tests.cluster.test_ray_spending import priced, questions\n"
        f"priced({url!r}).batch(questions({count}), 'm', out={str(out)!r}, engine='ray', address={address!r}, "
        f"concurrency={AT_ONCE}, actors={actors}, max_tokens=2, max_cost={limit!r})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
