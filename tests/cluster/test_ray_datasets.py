"""Datasets of Ray Data: columns in, columns out, and nothing is asked twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.limited_server import limited_server, numbers
from inference_providers import ProviderList
from inference_providers.ray import ask
from tests.cluster.test_ray import AT_ONCE, cluster, of, url
from tests.conftest import places

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]
__all__ = ["cluster", "url"]


@pytest.fixture(autouse=True)
def connected(cluster: Any) -> Iterator[None]:
    ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def rows_of(dataset: Any) -> list[dict[str, Any]]:
    return sorted(dataset.take_all(), key=lambda row: row["number"])


@pytest.mark.parametrize("form", ["parquet", "json", "csv"])
def test_a_file_in_and_a_file_out(url: str, tmp_path: Path, form: str) -> None:
    given, out = tmp_path / "in", tmp_path / "out"
    rows = [{"number": n, "prompt": f"question {n}", "temperature": "no parameter"} for n in range(40)]
    getattr(ray.data.from_items(rows), f"write_{form}")(str(given))
    dataset = getattr(ray.data, f"read_{form}")(str(given))
    getattr(ask(dataset, "m", providers=of(url), concurrency=AT_ONCE), f"write_{form}")(str(out))
    found = rows_of(getattr(ray.data, f"read_{form}")(str(out)))
    assert [row["answer"] for row in found] == [f"re: question {n}" for n in range(40)]
    assert {row["temperature"] for row in found} == {"no parameter"}
    assert (found[0]["provider"], found[0]["input_tokens"], found[0]["output_tokens"]) == ("p1", 3, 2)
    assert numbers(url)["refused"] == 0


def test_messages_parsed_answers_and_errors_by_row(url: str) -> None:
    schema = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"]}
    turns = [
        [{"role": "system", "content": "s", "name": None}, {"role": "user", "content": "one", "name": "n"}],
        [{"role": "user", "content": "refuse", "name": None}],
        None,
    ]
    dataset = ray.data.from_items([{"number": n, "messages": given} for n, given in enumerate(turns)])
    one, refused, nothing = rows_of(ask(dataset, "m", providers=of(url), schema=schema))
    assert json.loads(one["parsed"]) == {"said": "one"}
    assert one["error"] is None
    assert "that is refused" in refused["error"]
    assert refused["answer"] is None
    assert nothing["error"].startswith("MalformedItemError: it has neither messages nor a prompt")


def test_a_prompt_with_columns_and_names_that_are_taken(url: str) -> None:
    dataset = ray.data.from_items([{"number": 1, "answer": "old", "title": "dogs"}])
    (row,) = rows_of(ask(dataset, "m", providers=of(url), prompt="about {title}"))
    assert (row["answer"], row["batch_answer"]) == ("old", "re: about dogs")


def test_what_is_in_the_journal_is_not_asked_again(url: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    few, all_ = ([{"number": n, "prompt": f"question {n}"} for n in range(count)] for count in (30, 50))
    rows_of(ask(ray.data.from_items(few), "m", providers=of(url), journal=journal, concurrency=AT_ONCE))
    found = rows_of(ask(ray.data.from_items(all_), "m", providers=of(url), journal=journal, concurrency=AT_ONCE))
    assert [row["answer"] for row in found] == [f"re: question {n}" for n in range(50)]
    assert (numbers(url)["asked"], numbers(url)["again"]) == (50, 0)


def test_equal_rows_are_asked_each_for_itself(url: str, tmp_path: Path) -> None:
    dataset = ray.data.from_items([{"number": n, "prompt": "the same"} for n in range(20)], override_num_blocks=4)
    answered = ask(dataset, "m", providers=of(url), journal=tmp_path / "journal", concurrency=AT_ONCE)
    assert len(rows_of(answered)) == 20
    assert numbers(url)["asked"] == 20
    assert len(rows_of(answered)) == 20, "the dataset is read again: its tasks are the same"
    assert numbers(url)["asked"] == 20


def test_a_node_is_killed_under_a_dataset(cluster: Any, tmp_path: Path) -> None:
    import threading

    node = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    cluster.wait_for_nodes()
    rows = [{"number": n, "prompt": f"question {n}"} for n in range(600)]
    with limited_server(0.1, AT_ONCE) as url:
        dataset = ray.data.from_items(rows, override_num_blocks=20)
        answered = ask(dataset, "m", providers=of(url), journal=tmp_path / "j", concurrency=AT_ONCE, actors=4)

        def kill() -> None:
            while numbers(url)["answered"] < 200:
                threading.Event().wait(0.1)
            cluster.remove_node(node, allow_graceful=False)

        killer = threading.Thread(target=kill)
        killer.start()
        found = rows_of(answered)
        killer.join()
        assert [row["answer"] for row in found] == [f"re: question {n}" for n in range(600)]
        assert numbers(url)["again"] <= AT_ONCE


def test_wrong_options(url: str, tmp_path: Path) -> None:
    dataset = ray.data.from_items([{"prompt": "x"}])
    with pytest.raises(TypeError, match="out"):
        ask(dataset, "m", providers=of(url), out="x.jsonl")
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ValueError, match="something other than journals"):
        ask(dataset, "m", providers=of(url), journal=tmp_path)


SERVED = '''
import json
from ray import serve

@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0})
class Model:
    """Stands in for vLLM: the same path, the same form."""

    async def __call__(self, request):
        if request.method == "GET":
            return {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "vllm"}]}
        body = await request.json()
        message = {"role": "assistant", "content": "served: " + body["messages"][-1]["content"]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
'''


def test_replicas_behind_ray_serve_are_an_offer_like_any_other(cluster: Any, url: str) -> None:
    pytest.importorskip("ray.serve")
    from ray import serve

    port = int(url.rpartition(":")[2].partition("/")[0]) + 1
    scope: dict[str, Any] = {}
    exec(SERVED, scope)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    try:
        serve.run(scope["Model"].bind(), route_prefix="/v1")
        row = {"connection": {"protocol": "openai", "endpoint": f"http://127.0.0.1:{port}/v1"}}
        mine = {"providers": {"replicas": {**row, "model_names": {"my-model": "m"}}}}
        providers = ProviderList(json_merge=mine, environ=places(), local=False)
        assert str(providers.ask_ai("hello", "my-model")) == "served: hello"
        dataset = ray.data.from_items([{"number": n, "prompt": f"q{n}"} for n in range(10)])
        found = rows_of(ask(dataset, "my-model", providers=providers))
        assert [row["answer"] for row in found] == [f"served: q{n}" for n in range(10)]
        assert {row["provider"] for row in found} == {"replicas"}
    finally:
        serve.shutdown()
