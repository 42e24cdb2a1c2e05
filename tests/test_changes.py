"""Two registries side by side, and one beside a list of prices that is no source."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inference_providers import RegistryError
from inference_providers.cli.main import main
from inference_providers.registry.registry import bundled
from inference_providers.upkeep.changes import KINDS, as_markdown, as_text, differences
from inference_providers.upkeep.comparison import compared, of_listing, of_registry


def provider(names: dict[str, str], **row: Any) -> dict[str, Any]:
    connection = {"protocol": "openai", "endpoint": "https://a.example/v1", "api_key": ["A_KEY"]}
    facts = {name: [1000, 100, 1, 4, None, "t"] for name in names.values()}
    return {"connection": connection, "model_names": names, "facts": facts, **row}


OLD: dict[str, Any] = {
    "version": 1,
    "providers": {"a": provider({"m": "org/m", "n": "n"}), "b": provider({"m": "m"})},
    "retired": {"providers": {}, "models": {}},
    "auto_model_priority": ["m", "n"],
}


def changed(change: Any) -> dict[str, Any]:
    data = copy.deepcopy(OLD)
    change(data, data["providers"]["a"])
    return data


ONE: dict[str, tuple[Any, list[str]]] = {
    "new provider": (lambda data, a: data["providers"].update(c=provider({"m": "m"})), ["c: nothing -> https://a.example/v1, 1 offer"]),
    "gone provider": (lambda data, a: data["providers"].pop("b"), ["b: https://a.example/v1, 1 offer -> nothing"]),
    "key": (lambda data, a: a["connection"].update(api_key="B_KEY"), ["a: A_KEY -> B_KEY"]),
    "endpoint": (lambda data, a: a["connection"].update(endpoint=""), ["a: https://a.example/v1 -> nothing"]),
    "host": (
        lambda data, a: a["connection"].update(routes={"1": {"api": "responses", "endpoint": "https://b.example/v1"}}),
        ["a: nothing -> b.example"],
    ),
    "billing": (lambda data, a: a.update(billing="plan"), ["a: payg -> plan"]),
    "new offer": (lambda data, a: a.update(more_names={"m-2": "m"}), ["a/m-2: nothing -> m"]),
    "gone offer": (lambda data, a: a["model_names"].pop("m"), ["a/org/m: m -> nothing"]),
    "doubtful": (lambda data, a: a["facts"].update(n=[1000, 100, 1, 4, None, "td"]), ["a/n"]),
    "price": (
        lambda data, a: a["facts"].update(n=[1000, 100, 2, 4, 0.5, "t"]),
        ["a/n input: 1 -> 2 (x2)", "a/n cached input: nothing -> 0.5"],
    ),
    "retired": (
        lambda data, a: data["retired"]["models"].update(m={"successor": "n"}), ["m (model): nothing -> n"],
    ),
    "priority": (lambda data, a: data.update(auto_model_priority=["n", "m"]), ["auto: m, n -> n, m"]),
}  # fmt: skip


def test_models_of_other_kinds_are_told_alike() -> None:
    at = {"a": {"org/v": [8000, None, 1]}, "b": {"v": [8000, None, 2, None, None, "", {"picture": 0.1}]}}
    old = {**OLD, "kinds": {"embeddings": {"v": {"at": at}, "w": {"at": {"a": {"w": []}}}}}}
    new = copy.deepcopy(old)
    models = new["kinds"]["embeddings"]
    models["x"] = models.pop("w")
    models["v"]["at"]["a"]["org/v"] = [8000, None, 3, None, None, "d"]
    models["v"]["at"]["b"]["v"][6] = {"picture": 0.2}
    assert [(one.kind, str(one)) for one in differences(old, new)] == [
        ("new model", "x (embeddings)"),
        ("gone model", "w (embeddings)"),
        ("doubtful", "a/org/v"),
        ("price", "a/org/v input: 1 -> 3 (x3)"),
        ("price", "b/v for each picture: 0.1 -> 0.2 (x2)"),
    ]


@pytest.mark.parametrize("kind", ONE)
def test_each_change_is_told_and_nothing_else(kind: str) -> None:
    change, lines = ONE[kind]
    found = differences(OLD, changed(change))
    assert [(one.kind, str(one)) for one in found] == [(kind, line) for line in lines]
    assert as_text(found)[0] == f"{KINDS[kind]} ({len(lines)})"


def test_models_come_and_go_with_their_offers() -> None:
    there = changed(lambda data, a: a["model_names"].update(o="o"))
    assert [str(one) for one in differences(OLD, there) if one.kind == "new model"] == ["o"]
    assert [str(one) for one in differences(there, OLD) if one.kind == "gone model"] == ["o"]


def test_of_many_the_first_are_told_and_how_many_more_there_are() -> None:
    many = changed(lambda data, a: a.update(more_names={f"m-{number}": "m" for number in range(30)}))
    assert as_text(differences(OLD, many))[-1] == "  and 20 more"
    assert "- and 10 more" in as_markdown(differences(OLD, many))
    assert as_text(differences(OLD, OLD)) == ["There are no differences."]


def test_a_strangers_name_is_text_in_a_pull_request() -> None:
    name = "`@somebody` [x](https://evil.example)\n# y"
    odd = changed(lambda data, a: a.update(more_names={name: "m"}))
    (line,) = [line for line in as_markdown(differences(OLD, odd)).splitlines() if "somebody" in line]
    assert line == "- `a/'@somebody' [x](https://evil.example) # y: nothing -> m`"


def test_the_command_prints_for_people_programs_and_pull_requests(tmp_path: Path) -> None:
    files = []
    for name, data in (("old", OLD), ("new", changed(ONE["price"][0]))):
        files.append(str(tmp_path / f"{name}.json"))
        Path(files[-1]).write_text(json.dumps(data))
    run = CliRunner().invoke
    assert run(main, ["registry", "diff", *files]).stdout.splitlines()[1] == "  a/n input: 1 -> 2 (x2)"
    rows = json.loads(run(main, ["registry", "diff", *files, "--json"]).stdout)
    assert rows[0] == {"kind": "price", "name": "a/n", "field": "input", "old": 1, "new": 2, "factor": 2.0}
    assert "- `a/n input: 1 -> 2 (x2)`" in run(main, ["registry", "diff", *files, "--markdown"]).stdout
    same = run(main, ["registry", "diff", "bundled", "bundled"])
    assert (same.exit_code, same.stdout) == (0, "There are no differences.\n")
    assert run(main, ["registry", "diff", *files, "--json", "--markdown"]).exit_code == 2
    Path(files[1]).write_text('{"providers": 5}')
    assert run(main, ["registry", "diff", *files]).exit_code == 5


# Prices beside those of others

MINE = {("openrouter", "a/m"): (1.0, 4.0), ("openrouter", "a/n"): (1.0, None), ("groq", "m"): (1.0, 4.0)}


def listing(**prices: Any) -> dict[str, Any]:
    return {"data": [{"id": f"a/{name}", "pricing": price} for name, price in prices.items()]}


def test_prices_differ_by_more_than_a_hundredth() -> None:
    close = listing(m={"prompt": "0.00000100999", "completion": "0.000004"}, n={"prompt": "-1", "completion": "x"})
    assert compared(MINE, of_listing(close)) == []
    far = listing(m={"prompt": "0.00000102", "completion": "0.000004"}, o={"prompt": "0.000002"})
    found = compared(MINE, of_listing(far))
    assert [(one.kind, one.internal_name, one.input_price, one.their_input_price) for one in found] == [
        ("price", "a/m", 1, 1.02), ("only here", "a/n", 1, None), ("only there", "a/o", None, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "odd", [None, [], {}, "x", 5, {"data": 5}, {"data": [5, {"id": 5}, {"id": "x", "pricing": []}]}]
)
def test_an_odd_list_breaks_nothing(odd: Any) -> None:
    assert set(of_listing(odd)) <= {("openrouter", "x")}


@pytest.mark.parametrize("rows", [{"groq": 5}, {"groq": {"connection": 5, "model_names": [1], "facts": 7}}])
def test_a_damaged_registry_to_compare_with_is_told_so(tmp_path: Path, rows: Any) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"providers": rows}), "utf-8")
    told = CliRunner().invoke(main, ["registry", "compare", "--with", str(file)])
    assert (told.exit_code, "is not a registry" in told.stderr) == (5, True)


def test_lists_that_share_nobody_cannot_be_compared() -> None:
    with pytest.raises(RegistryError, match="no provider that the registry has"):
        compared(MINE, {("nobody", "m"): (1, 1)})


def test_the_command_compares_with_lists_catalogues_and_registries(tmp_path: Path) -> None:
    name, facts = next((name, row) for name, row in bundled().data["providers"]["openrouter"]["facts"].items() if row[2] and row[3])  # fmt: skip
    file = tmp_path / "list.json"

    def run(data: Any) -> list[dict[str, Any]]:
        file.write_text(json.dumps(data))
        ran = CliRunner().invoke(main, ["registry", "compare", "--with", str(file), "--json"])
        assert ran.exit_code == 0, ran.stderr
        found: list[dict[str, Any]] = json.loads(ran.stdout)
        return found

    dearer = {"prompt": str(facts[2] * 2e-6), "completion": str(facts[3] * 1e-6)}
    (row,) = [row for row in run({"data": [{"id": name, "pricing": dearer}]}) if row["kind"] == "price"]
    assert (row["internal_name"], row["their_input_price"]) == (name, pytest.approx(2 * facts[2]))
    other = {"groq": {"id": "groq", "env": [], "models": {"x-1-8b": {"id": "x"}}}}
    assert [row["internal_name"] for row in run(other) if row["kind"] == "only there"] == ["x-1-8b"]
    assert run(bundled().data) == []


def test_a_registry_differs_in_nothing_from_itself() -> None:
    mine = of_registry(bundled().data)
    assert len(mine) > 8000 and compared(mine, mine) == []
