"""What is wrong with a registry is told as `jsonschema` tells it, all at once; what was checked before is not looked at again."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from inference_providers import MetaInferenceEngine, ProviderList, RegistryError
from inference_providers.credentials.pins import Pins
from inference_providers.credentials.trust import stray_keys
from inference_providers.registry import schema
from inference_providers.registry.merge_patch import merge
from inference_providers.registry.registry import Registry, bundled
from inference_providers.registry.schema import is_valid, problems
from inference_providers.testing.mock import Mock
from inference_providers.upkeep.updater import load
from tests.conftest import registry_of

RULES = json.loads(Path(schema.SCHEMA_PATH).read_text("utf-8"))
OLD_FORMAT = json.loads((Path(__file__).parent / "data" / "old-format.json").read_text("utf-8"))
WHOLE: dict[str, Any] = {
    "schema_version": 1,
    "version": 2026010100,
    "sources": {"x": 1},
    "providers": {
        "a": {
            "name": "A",
            "aliases": ["aa"],
            "connection": {
                "protocol": "openai",
                "endpoint": "https://${A_NAME}.a.example/v1",
                "api_key": ["A_KEY", "A_TOKEN"],
                "auth": "oauth",
                "opt_in": ["A_TOKEN"],
                "settings": ["A_REGION"],
                "base_url": "A_BASE_URL",
                "headers": {"X-Org": "A_ORG"},
                "variables": {"A_NAME": {"pattern": "[a-z]{1,8}", "default": "x"}},
                "parameters": {"spelling": {"max_tokens": "most"}, "refuses": ["seed"]},
                "batch": {"upload": "/files", "done": ["completed"], "price": 0.5, "requests": 5, "body": {"a": [1]}},
            },
            "model_names": {"m": "a/m", "n": "a/n"},
            "more_names": {"a/m:free": "m"},
            "facts": {"a/m": [1000, 10, 1, 2.5, 0, "tVsRd"], "a/n": [None, None], "a/m:free": []},
        },
        "here": {
            "connection": {
                "endpoint": "http://127.0.0.1:9/v1",
                "api_key": "H_KEY",
                "opt_in": True,
                "local": {
                    "address": ["H_ADDRESS"],
                    "fingerprint": [{"owned_by": "h"}],
                    "launch": [
                        {"name": "h", "command": ["h"], "health": "/", "loading": 1.5, "formats": ["gguf"],
                         "options": {"x": ["--x"], "y": {"a": "b"}}, "key": {"variable": "H_KEY"}, "memory": ["gpu"]}
                    ],
                },
            },
        },
        "flag": {"connection": {"local": True}},
    },
    "models": {"m": {"lab": "l", "open_weights": True}},
    "names": {"x": "m"},
    "aliases": {"work": "m"},
    "families": [["m", "a"]],
    "parameters": {"extras": ["seed"], "refused": {"P": ["top_p"]}},
    "retired": {"providers": {"old": {"successor": "a", "api_key": "OLD"}}, "models": {"z": {"successor": "m"}}},
    "auto_model_priority": ["m"],
}  # fmt: skip


def told(data: Any, *, strict: bool = False) -> list[str]:
    """What `jsonschema` says of the whole of *data*, in our words."""
    rules = copy.deepcopy(RULES)
    if strict:
        for closed in (rules, *(rules["$defs"][name] for name in schema._CLOSED)):
            closed["additionalProperties"] = False
    checker = Draft202012Validator(rules, format_checker=Draft202012Validator.FORMAT_CHECKER)
    errors = sorted(checker.iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path])
    return [f"{error.json_path}: {schema._said(error)}" for error in errors]


def with_connection(**fields: Any) -> dict[str, Any]:
    return {"providers": {"good": {"connection": {}}, "x": {"connection": fields}}}


EXAMPLES: dict[str, Any] = {
    "whole": WHOLE,
    "old format": OLD_FORMAT,
    "small": registry_of("https://a.example/v1"),
    "no object": [1],
    "nothing": {},
    "providers are a list": {"providers": [], "version": "x"},
    "three problems": {"providers": {"a": {}, "b": {"connection": {"protocol": 1}}}, "version": "x"},
    "a name that is none": {"providers": {"": {}, "x" * 65: {"connection": {}}, "ok": {"connection": {}}}},
    "another version": {"providers": {}, "schema_version": 2},
    "versions of another type": {"providers": {}, "schema_version": True, "version": True},
    "whole numbers with a point": {"providers": {}, "schema_version": 1.0, "version": 3.0},
    "a version below nothing": {"providers": {}, "version": -1},
    "facts": {"providers": {"x": {"connection": {}, "facts": {"m": [1.5, 0, -1, "x", True, "q"], "n": [1] * 9}}}},
    "facts with NaN": {"providers": {"x": {"connection": {}, "facts": {"m": [1, 1, float("nan")]}}}},
    "names": {"providers": {"x": {"connection": {}, "model_names": {"a": 5}, "more_names": ["a"]}}, "aliases": {"b": []}},
    "a tuple": {"providers": {}, "fastest": ("a",)},
    "a key that is no text": {"providers": {1: {"connection": {}}, 2: {}}},
    "families": {"providers": {}, "families": [["a"], ["a", "b", "c"], "ab", ["a", 1]]},
    "models": {"providers": {}, "models": {"a": {"lab": 1}, "b": {"lab": "l"}, "c": 3}},
    "retired": {"providers": {}, "retired": {"models": {"a": {}}, "providers": {"b": {"successor": 1}}}},
    "a key in place of its variable": with_connection(api_key="sk-secret", headers={"x": "sk-secret"}, opt_in="yes"),
    "an address of another kind": with_connection(endpoint="ftp://h", base_url="http://h", auth="basic"),
    "a variable with an end of line": with_connection(api_key="A_KEY\n"),
    "patterns": with_connection(variables={"A": {"pattern": "("}, "B": {"pattern": "(?i)x\\Z"}, "c": {}}),
    "local": with_connection(local={"address": ["a"], "launch": [{}]}),
    "a batch": with_connection(batch={"upload": "files", "price": "x", "requests": 1.5}),
    "unknown fields": {"providers": {"x": {"connection": {"more": 1}, "more": 1}}, "more": {"deep": [1]}},
}  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("what", EXAMPLES)
def test_every_problem_is_told_at_once_in_the_validators_words(what: str, strict: bool) -> None:
    assert problems(EXAMPLES[what], strict=strict) == told(EXAMPLES[what], strict=strict)


def test_the_examples_are_of_both_kinds() -> None:
    valid = {what for what, data in EXAMPLES.items() if not told(data)}
    assert {"whole", "old format", "small", "unknown fields", "whole numbers with a point"} <= valid
    assert len(EXAMPLES) - len(valid) > 15


@pytest.mark.parametrize("data", [WHOLE, OLD_FORMAT, bundled().data], ids=["whole", "old format", "bundled"])
def test_a_valid_registry_is_known_as_one_without_the_slow_validator(data: Any) -> None:
    assert is_valid(data)
    assert is_valid(data, strict=data is not OLD_FORMAT)


def _keywords(rule: Any, place: str = "") -> set[str]:
    if isinstance(rule, list):
        return {word for one in rule for word in _keywords(one)}
    if not isinstance(rule, dict):
        return set()
    if place in ("properties", "$defs"):
        return {word for one in rule.values() for word in _keywords(one)}
    return set(rule) | {word for name, one in rule.items() for word in _keywords(one, name)}


def test_every_keyword_of_the_schema_is_read() -> None:
    assert _keywords(RULES) - schema._KEYWORDS.keys() - set(schema._NOTES) == set()


VALUES = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.0, 2.5, "", "m", "A_KEY", "A_KEY\n", "a b", "/x", "https://x.example", "[", "tV", [], ["A"], [1], [[]],
     {}, {"a": "b"}, {"A": {}}, {"a": 1}, {"connection": {}}, {"successor": "m"}, 10**30, float("nan")]
)  # fmt: skip


def _places(value: Any) -> list[Any]:
    """Every object and list within a value, itself included."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*([value] if isinstance(value, dict | list) else []), *(box for one in inner for box in _places(one))]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_registry_changed_anywhere_is_judged_as_by_the_validator(data: st.DataObject) -> None:
    changed = copy.deepcopy(WHOLE)
    for _ in range(data.draw(st.integers(1, 2))):
        box = data.draw(st.sampled_from(_places(changed)))
        keys = list(box) if isinstance(box, dict) else list(range(len(box)))
        key = data.draw(st.sampled_from([*keys, "new"] if isinstance(box, dict) else [*keys, len(box)]))
        value = copy.deepcopy(data.draw(VALUES))
        if isinstance(box, list) and key == len(box):
            box.append(value)
        else:
            box[key] = value
    wrong = told(changed)
    assert problems(changed) == wrong
    assert not (is_valid(changed) and wrong)


def _patches(value: Any) -> st.SearchStrategy[Any]:
    """Merge patches for a value: some of its fields, or new ones."""
    if not isinstance(value, dict):
        return VALUES
    fields = {name: VALUES | _patches(inner) for name, inner in value.items()}
    return st.fixed_dictionaries({}, optional={**fields, "new": VALUES})


@settings(max_examples=400, deadline=None)
@given(_patches(WHOLE))
def test_a_merge_is_judged_by_what_is_new_as_by_the_whole(patch: dict[str, Any]) -> None:
    merged = merge(WHOLE, patch)
    wrong = told(merged)
    assert problems(merged, known=WHOLE) == wrong
    assert not (is_valid(merged, known=WHOLE) and wrong)


def test_what_is_known_in_one_place_is_not_known_in_another() -> None:
    table = {"a": "b"}
    known = {"providers": {}, "sources": table}
    assert problems({**known, "aliases": table, "fastest": table}, known=known) == [
        "$.fastest: {'a': 'b'} is not of type 'array'"
    ]


def calls(work: Callable[[], Any], file: str = "") -> int:
    """How many Python functions *work* calls, or those of one file."""
    count = 0

    def look(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.endswith(file)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def an_engine() -> Any:
    made = MetaInferenceEngine(remote_params={"api_url": "http://127.0.0.1:9/v1"})
    return made._engine("m", None, made._remote)


OWN = {"name": "X", "connection": {"endpoint": "https://x.example/v1", "api_key": "X_KEY"}, "model_names": {"m": "m"}}
NEW: dict[str, Any] = {"providers": {"x": {**OWN, "facts": {"m": [1000, 10, 1, 2, 0, "tV"]}}}}
CONSTRUCTIONS: dict[str, Callable[[], Any]] = {
    "merge": lambda: ProviderList(json_merge={"aliases": {"work": "gpt-4o"}}, environ={}, local=False),
    "merge of a provider": lambda: ProviderList(json_merge=NEW, environ={}, local=False),
    "override": lambda: ProviderList(json_override=NEW, environ={}, local=False),
    "mock": lambda: ProviderList(mock={"*": "hi"}),
    "mock of a model": lambda: ProviderList(mock={"gpt-4": "hi"}),
    "engine with an address": an_engine,
}


@pytest.mark.parametrize("how", CONSTRUCTIONS)
def test_a_list_of_ones_own_costs_little_more_than_a_plain_one(how: str) -> None:
    plain = [calls(lambda: ProviderList(environ={}, local=False)) for _ in range(2)][1]
    cost = [calls(CONSTRUCTIONS[how]) for _ in range(2)][1]
    assert cost - plain < 5000, "functions called; validating the whole registry is hundreds of thousands"


def test_the_mock_of_the_fixture_costs_little(inference_providers: Any) -> None:
    ProviderList()
    assert calls(ProviderList) < 5000


@pytest.mark.parametrize(
    "patch", [{"aliases": {"work": "gpt-4o"}}, NEW, {"providers": {"groq": {"facts": {"m": [1]}}}}, {"models": {"m": {"lab": "l"}}}]
)  # fmt: skip
def test_a_patch_is_checked_alone_however_large_the_registry_is(patch: dict[str, Any]) -> None:
    rows = bundled().rows["providers"]
    more = {f"{pid}-2": {**rows[pid], "connection": {}} for pid in rows}
    twice = bundled().variant({**bundled().rows, "providers": {**rows, **more}})
    load(None, patch)
    once = calls(lambda: load(None, patch), "schema.py")
    assert 0 < once < 100
    assert calls(lambda: load(twice, patch), "schema.py") == once


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"aliases": {"work": "gpt-4o"}},
        NEW,
        {"providers": {"groq": None}},
        {"providers": {"groq": {"facts": None}}},
        {"providers": {"groq": {"facts": {"llama-3.3-70b-versatile": None, "m": [1]}}, "openai": {"name": "O"}}},
        {"providers": {"groq": {"facts": {}, "model_names": {"m": "m"}}, "unknown-to-us": {"connection": {}}}},
    ],
)
def test_a_merge_gives_what_merging_the_files_gives(patch: dict[str, Any]) -> None:
    before = copy.deepcopy(bundled().data)
    found, wanted = load(None, patch), merge(before, patch)
    assert found.data == wanted
    assert {pid: dict(row.all_facts) for pid, row in found.providers.items()} == {
        pid: row.get("facts") or {} for pid, row in wanted["providers"].items()
    }
    again = {"aliases": {"more": "gpt-4o"}}
    assert load(found, again).data == merge(wanted, again)
    assert bundled().data == before


@pytest.mark.parametrize("replies", [{"*": "hi"}, {"gpt-4": "hi"}, {"gpt-4": "hi", "*": "x", "my-own": "y"}, {}])
def test_the_registry_of_a_mock_which_nobody_checks_is_valid(replies: dict[str, str]) -> None:
    made = Mock(replies).registry()
    assert told(made.data, strict=True) == []
    assert stray_keys(made, bundled(), Pins(bundled())) == []
    assert [pid for pid, row in made.providers.items() if "mock.invalid" not in row.endpoint] == []


def test_a_merge_into_a_mock_is_checked() -> None:
    made = ProviderList(mock={"*": "hi"}, json_merge={"aliases": {"work": "gpt-4o"}})
    assert made.resolve("work").canonical_name == "gpt-4o"
    assert str(made.ask_ai("x", "work")) == "hi"
    with pytest.raises(RegistryError, match=r"\$\.aliases\.work"):
        ProviderList(mock={"*": "hi"}, json_merge={"aliases": {"work": 5}})


def test_a_mocked_model_has_the_facts_that_it_has() -> None:
    offers = ProviderList(mock={"*": "hi"}).resolve("gpt-4o").offers
    facts = {offer.provider: offer.context_window for offer in offers}
    real = {o.provider: o.context_window for o in ProviderList(environ={}, local=False).resolve("gpt-4o").offers}
    assert facts == {pid: real[pid] for pid in facts}
    assert facts["openai"]


def test_the_installed_connections_which_nobody_checks_send_no_key_astray() -> None:
    assert stray_keys(Registry(copy.deepcopy(bundled().data)), bundled(), Pins(bundled())) == []


def test_an_installed_connection_at_another_provider_is_checked() -> None:
    """Its variables have their forms by the provider's row, which another may lack."""
    rows = bundled().data["providers"]
    with pytest.raises(RegistryError, match=r"\$\.providers\.mine\.connection: would send AZURE_OPENAI_API_KEY"):
        ProviderList(json_override={"providers": {"mine": {"connection": rows["azure"]["connection"]}}}, environ={})
    with pytest.raises(RegistryError, match=r"\$\.providers\.groq\.connection: would send AZURE_OPENAI_API_KEY"):
        ProviderList(json_merge={"providers": {"groq": {"connection": rows["azure"]["connection"]}}}, environ={})
