"""What a build does not let pass in silence: keys, endpoints and offers that are lost, ids that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inference_providers.cli.main import main
from inference_providers.registry.schema import problems
from inference_providers.upkeep.importers.build import Building, load_overlay, read_source, to_text
from inference_providers.upkeep.importers.guards import lost
from inference_providers.upkeep.laid_over import completed

PLAIN = {**load_overlay(), "auto_model_priority": [], "local": {}, "facts": {}, "providers": {}, "retired": {"providers": {}, "models": {}}}  # fmt: skip
NAMES = [f"brand-{number}-8b" for number in range(1, 11)]


def catalogue(pid: str = "groq", names: list[str] = NAMES, **row: Any) -> dict[str, Any]:
    models = {
        name: {"id": name, "modalities": {"output": ["text"]}, "tool_call": True, "cost": {"input": 1, "output": 4}}
        for name in names
    }
    usual = {"id": pid, "name": pid, "env": ["GROQ_API_KEY"], "doc": "", "npm": "@ai-sdk/openai-compatible"}
    return {pid: {**usual, "api": f"https://{pid}.example/v1", "models": models, **row}}


def built(data: dict[str, Any], previous: dict[str, Any] | None = None, *accepted: str, **overlay: Any) -> Building:
    ours = {**PLAIN, **overlay}
    return Building([read_source(data, ours)], ours, previous, accepted)


BEFORE = built(catalogue()).data


def row(building: Building, pid: str = "groq") -> dict[str, Any]:
    found: dict[str, Any] = building.data["providers"][pid]
    return found


def tripped(building: Building) -> list[tuple[str, str]]:
    return [one[:2] for one in building.tripped]


CHANGES: dict[str, tuple[dict[str, Any], Any]] = {
    "key": (catalogue(env=["OTHER_API_KEY"]), lambda found: found["connection"]["api_key"]),
    "endpoint": (catalogue(api=""), lambda found: found["connection"]["endpoint"]),
    "offers": (catalogue(names=NAMES[:7]), lambda found: found["model_names"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_lost_stays_and_is_listed_until_it_is_accepted(what: str) -> None:
    data, part = CHANGES[what]
    before = part(BEFORE["providers"]["groq"])
    kept = built(data, BEFORE)
    assert (tripped(kept), part(row(kept))) == ([("groq", what)], before)
    assert not problems(kept.data, strict=True)
    taken = built(data, BEFORE, "groq")
    assert taken.tripped == []
    assert part(row(taken)) != before
    assert part(row(built(data))) == part(row(taken)), "without a registry before, there is nothing to guard"


@pytest.mark.parametrize("what", CHANGES)
def test_building_again_keeps_the_same(what: str) -> None:
    data, _ = CHANGES[what]
    once = built(data, BEFORE)
    assert to_text(built(data, once.data).data) == to_text(once.data)


def test_a_protocol_that_is_not_spoken_is_a_lost_endpoint() -> None:
    other = built(catalogue(npm="@ai-sdk/anthropic"), BEFORE)
    assert tripped(other) == [("groq", "endpoint")]
    assert row(other)["connection"]["protocol"] == "openai"


def test_a_catalogue_does_not_say_to_which_host_a_key_goes() -> None:
    moved = built(catalogue(api="https://evil.example/v1"), BEFORE)
    assert tripped(moved) == [("groq", "host")]
    assert row(moved)["connection"]["endpoint"] == "https://groq.example/v1"
    for api in ("https://evil.example/v1", "http://groq.example/v1"):
        data = catalogue()
        own = {"npm": "@ai-sdk/openai", "shape": "responses", "api": api}
        data["groq"]["models"][NAMES[0]]["provider"] = own
        kept = built(data, BEFORE)
        assert tripped(kept) == [("groq", "host")]
        assert "routes" not in row(kept)["connection"]
        assert row(kept)["facts"] == BEFORE["providers"]["groq"]["facts"]
        assert to_text(built(data, kept.data).data) == to_text(kept.data)
        assert row(built(data, BEFORE, "groq"))["connection"]["routes"]["1"]["endpoint"] == api
        absent = {**BEFORE, "sources": {**BEFORE["sources"], "pi-ai": {"url": "", "licence": "MIT", "date": ""}}}
        assert tripped(built(data, absent)) == [("groq", "host")], "whatever other sources there are"


def test_an_address_on_the_same_host_or_by_hand_may_be_another() -> None:
    found = built(catalogue(api="https://groq.example/v2"), BEFORE)
    assert (found.tripped, row(found)["connection"]["endpoint"]) == ([], "https://groq.example/v2")
    by_hand = {"groq": {"connection": {"endpoint": "https://new.example/v1"}}}
    found = built(catalogue(), BEFORE, providers=by_hand)
    assert (found.tripped, row(found)["connection"]["endpoint"]) == ([], "https://new.example/v1")


@pytest.mark.parametrize("variable", ["MISTRAL_API_KEY", "AWS_SECRET_ACCESS_KEY"])
def test_a_catalogue_does_not_give_a_provider_the_key_of_others(variable: str) -> None:
    before = built({**catalogue(), **catalogue("mistral", env=["MISTRAL_API_KEY"])}).data
    other = catalogue("mistral", env=["MISTRAL_API_KEY"])
    data = {**catalogue(env=["GROQ_API_KEY", variable]), **other}
    found = built(data, before)
    assert (tripped(found), row(found)["connection"]["api_key"]) == ([("groq", "owner")], ["GROQ_API_KEY"])
    assert variable in row(built(data, before, "groq"))["connection"]["api_key"]
    own = built({**catalogue(env=["GROQ_API_KEY", "GROQ_CLOUD_API_KEY"]), **other}, before)
    assert (own.tripped, row(own)["connection"]["api_key"]) == ([], ["GROQ_API_KEY", "GROQ_CLOUD_API_KEY"])
    by_hand = {"groq": {"connection": {"more_keys": [variable]}}}
    assert built(data, before, providers=by_hand).tripped == []
    added = {**other, **catalogue("cerebras", env=["CEREBRAS_API_KEY", variable])}
    assert tripped(built(added, before))[-1] == ("cerebras", "owner"), "an id that the overlay knows, and no row before"


VECTORS = [f"vector-embed-{number}" for number in range(1, 7)]


def with_vectors(names: list[str], price: float = 0.02, **picture: Any) -> dict[str, Any]:
    data = catalogue()
    for name in names:
        data["groq"]["models"][name] = {"id": name, "modalities": {"output": ["text"]}, "cost": {"input": price}}
    return data


def test_models_of_other_kinds_are_guarded_alike() -> None:
    before = built(with_vectors(VECTORS)).data
    assert list(before["kinds"]["embeddings"]) == VECTORS
    lost = built(with_vectors(VECTORS[:3]), before)
    assert [str(one) for one in lost.tripped] == [
        f"groq: more than a fifth of its offers are missing (embeddings: {', '.join(VECTORS[3:])}); kept all 6"
    ]
    assert lost.data["kinds"] == before["kinds"]
    assert to_text(built(with_vectors(VECTORS[:3]), lost.data).data) == to_text(lost.data)
    assert list(built(with_vectors(VECTORS[:3]), before, "groq").data["kinds"]["embeddings"]) == VECTORS[:3]
    assert list(built(with_vectors(VECTORS[:5]), before).data["kinds"]["embeddings"]) == VECTORS[:5], "a sixth may go"


@pytest.mark.parametrize(("price", "kept"), [(0.07, 0.02), (0.005, 0.02), (0.04, 0.04)])
def test_prices_of_other_kinds_wait_alike(price: float, kept: float) -> None:
    before = built(with_vectors(VECTORS)).data
    found = built(with_vectors(VECTORS, price), before)
    facts = found.data["kinds"]["embeddings"][VECTORS[0]]["at"]["groq"][VECTORS[0]]
    assert facts[2] == kept
    assert len(found.merged.held) == len(VECTORS) * (kept != price)
    json.loads(found.origins())
    accepted = built(with_vectors(VECTORS, price), before, "groq").data
    assert accepted["kinds"]["embeddings"][VECTORS[0]]["at"]["groq"][VECTORS[0]][2] == price


def test_a_fifth_of_the_offers_may_go() -> None:
    found = built(catalogue(names=NAMES[:8]), BEFORE)
    assert found.tripped == []
    assert len(row(found)["model_names"]) == 8


def test_what_stays_is_from_before_by_the_side_file() -> None:
    found = built(catalogue(names=NAMES[:5]), BEFORE)
    side = json.loads(found.origins())
    price_in = side["fields"].index("input price")
    assert {text[price_in] for text in side["offers"]["groq"].values()} == {"b"}
    assert side["sources"]["b"] == {"source": "before"}


def test_a_provider_that_no_source_has_stays_whole() -> None:
    both = built({**catalogue(), **catalogue("mistral", env=["MISTRAL_API_KEY"])}).data
    found = built(catalogue(), both)
    assert tripped(found) == [("mistral", "gone")]
    assert found.data["providers"]["mistral"] == both["providers"]["mistral"]
    assert to_text(built(catalogue(), found.data).data) == to_text(found.data)
    assert "mistral" not in built(catalogue(), both, "mistral").data["providers"]
    ended = {"providers": {"mistral": {"name": "Mistral"}}, "models": {}}
    assert "mistral" not in built(catalogue(), both, retired=ended).data["providers"], "by hand"


def test_an_id_that_nobody_knows_is_left_out() -> None:
    both = {**catalogue(), **catalogue("nobody-knows", env=["X_KEY"])}
    found = built(both, BEFORE)
    assert tripped(found) == [("nobody-knows", "unknown")]
    assert set(found.data["providers"]) == {"groq"}
    assert "nobody-knows" in built(both, BEFORE, "nobody-knows").data["providers"]
    assert "nobody-knows" in built(both, BEFORE, ids={**PLAIN["ids"], "x": "nobody-knows"}).data["providers"]


def test_losses_say_nothing_where_a_source_is_missing() -> None:
    other = {**BEFORE, "sources": {**BEFORE["sources"], "pi-ai": {"url": "", "licence": "MIT", "date": "2026-11-10"}}}
    found = built(catalogue(names=NAMES[:2]), other)
    assert (found.tripped, found.absent) == ([], ["pi-ai"])


def test_keys_that_the_overlay_lists_are_its_own() -> None:
    by_hand = {"groq": {"connection": {"api_key": ["OTHER_API_KEY"], "only_these_keys": True}}}
    found = built(catalogue(), BEFORE, providers=by_hand)
    assert (found.tripped, row(found)["connection"]["api_key"]) == ([], ["OTHER_API_KEY"])


@pytest.mark.parametrize(("price", "kept"), [(3.5, 1), (0.2, 1), (2, 2)])
def test_a_price_of_one_source_that_is_three_times_off_waits(price: float, kept: float) -> None:
    data = catalogue()
    data["groq"]["models"][NAMES[0]]["cost"] = {"input": price, "output": 4}
    found = built(data, BEFORE)
    assert row(found)["facts"][NAMES[0]][2] == kept
    assert [one[:3] for one in found.merged.held] == [("groq", NAMES[0], "price_in")] * (kept != price)
    assert row(built(data, BEFORE, "groq"))["facts"][NAMES[0]][2] == price


def test_the_version_never_decreases() -> None:
    later = {**BEFORE, "version": BEFORE["version"] + 100}
    assert built(catalogue(), later).data["version"] == later["version"]


def test_an_update_is_asked_the_same() -> None:
    provider = BEFORE["providers"]["groq"]
    assert lost("groq", provider, provider) == []
    bare = {"connection": {}, "model_names": {}}
    assert [one.what for one in lost("groq", provider, bare)] == ["key", "endpoint", "offers"]


@pytest.mark.parametrize("section", [{}, {"embeddings": {}}, None])
def test_an_update_does_not_lose_the_models_of_other_kinds(section: Any) -> None:
    installed = built(with_vectors(VECTORS)).data
    update = {key: value for key, value in installed.items() if key != "kinds"}
    made, said = completed(installed, update if section is None else {**update, "kinds": section})
    assert made["kinds"]["embeddings"] == installed["kinds"]["embeddings"]
    assert [one[:2] for one in said] == [("groq", "offers")]
    less = json.loads(json.dumps(installed))
    del less["kinds"]["embeddings"][VECTORS[0]]
    made, said = completed(installed, less)
    assert (said, made["kinds"]) == ([], less["kinds"]), "a sixth may go"


def test_the_command_tells_and_accepts(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text(
        json.dumps({**catalogue(names=["x-1-8b"], api="https://api.groq.com/openai/v1"), **catalogue("nobody-knows")}),
        "utf-8",
    )
    command = ["registry", "build", "--from", str(file), "-o", str(tmp_path / "out.json")]
    told = CliRunner().invoke(main, command)
    assert (told.exit_code, "nobody-knows: nobody knows this provider" in told.stderr) == (0, True)
    assert "--accept nobody-knows" in told.stderr
    assert "not guarded, since these sources are: endpoints, litellm, litellm-endpoints, pi-ai" in told.stderr
    listed = CliRunner().invoke(main, ["registry", "conflicts", "--from", str(file), "--json"])
    assert [(one["kind"], one["provider"]) for one in json.loads(listed.stdout)] == [("guard", "nobody-knows")]
    CliRunner().invoke(main, [*command, "--accept", "nobody-knows"])
    assert "nobody-knows" in json.loads((tmp_path / "out.json").read_text())["providers"]
