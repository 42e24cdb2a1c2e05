"""Questions that say the same: which hit, on labelled pairs; what they must share beside; what finding them costs."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.question_pairs import EACH, HELD_OUT, TUNED, Pair, pairs, read
from inference_providers import ProviderList
from inference_providers.cache.agreement import form_of
from inference_providers.cache.embedding import LocalModel, likeness, packed
from inference_providers.cache.settings import THRESHOLD
from tests.conftest import async_list_of, keys, list_of, places, registry_of
from tests.servers import Connection, Received, Server, completion
from tests.test_pipeline import FACTS, done

Serve = Callable[..., Server]
HAS_MODEL = all(map(find_spec, ("wordllama", "numpy", "tokenizers")))
with_model = pytest.mark.skipif(not HAS_MODEL, reason="the extra `semantic` is not installed")
ONE, SAME = "How do I mute a chat?", "Could you tell me how to mute a chat? Thanks!"
OTHERS = (
    "How do I unmute a chat?", "How do I not mute a chat?", "How do I mute two chats?", "How do I mute the chat?",
    "Why do I mute a chat?", "How do I mute a Chat?", "How do you mute a chat?", "How do I mute a chat in Slack?",
    "How do I mute a chat? Be brief.", "Wie schalte ich einen Chat stumm?", "How do I mute `a chat`?",
)  # fmt: skip
SEMANTIC = {"store": "memory", "strategy": "semantic", "embedding_model": "m"}


# The labelled pairs


def agrees(pair: Pair) -> bool:
    form = form_of(pair[3])
    return form is not None and form == form_of(pair[4])


def test_the_pairs_are_those_that_the_generator_makes() -> None:
    made = pairs()
    assert read() == made
    assert len(made) >= 2000
    for split in (TUNED, HELD_OUT):
        kinds = Counter(kind for one, label, kind, *_ in made if one == split and label)
        assert set(kinds.values()) == {EACH}
        assert len(kinds) == 6
        assert sum(one == split and not label for one, label, *_ in made) >= 1000
    questions = {split: {text for one, _, kind, *texts in made if one == split and kind != "language" for text in texts}
                 for split in (TUNED, HELD_OUT)}  # fmt: skip
    assert not questions[TUNED] & questions[HELD_OUT]


def test_no_pair_with_different_answers_agrees() -> None:
    assert [pair for pair in read() if not pair[1] and agrees(pair)] == []


def test_two_in_five_paraphrases_agree_in_the_half_on_which_nothing_was_tuned() -> None:
    held_out = [pair for pair in read() if pair[0] == HELD_OUT and pair[1]]
    assert sum(map(agrees, held_out)) >= 0.4 * len(held_out)


@with_model
def test_at_the_defaults_no_false_hit_and_two_in_five_paraphrases() -> None:
    model = LocalModel()
    vectors = {text: model.vector(text) for pair in read() for text in pair[3:]}

    def hits(pair: Pair) -> bool:
        return agrees(pair) and likeness(vectors[pair[3]], vectors[pair[4]]) >= THRESHOLD

    assert [pair for pair in read() if not pair[1] and hits(pair)] == []
    held_out = [pair for pair in read() if pair[0] == HELD_OUT and pair[1]]
    assert sum(map(hits, held_out)) >= 0.4 * len(held_out)


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_not_the_same_has_another_form(other: str) -> None:
    assert form_of(ONE) == form_of(SAME) == "how to: mute a chat"
    assert form_of(other) != form_of(ONE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I lose so much hair?", "How to lose so much hair"),
        ("WHO guidelines on salt?", "Who guidelines on salt?"),
        ("How do I love thee tonight?", "How to love thee tonight"),
        ("How do I keep losing at chess?", "How to keep losing at chess"),
        ("In Germany, how do I buy a house in Spain?", "In Spain, how do I buy a house in Germany?"),
        ("How do I say thanks? Thanks.", "How do I say? Thanks."),
        ("Translate: Hello! How do I look?", "Translate: How do I look?"),
        ("How do I do 1.5 turns?", "How do I do 15 turns?"),
        ("How do I write 1 000?", "How do I write 1000?"),
        ("how to X\nhow to Y", "how to X how to Y"),
        ("How do I cook rice? I have no pot.", "How do I cook rice?"),
        ("I don't want to mute a chat, how?", "I want to mute a chat, how?"),
        ("Can you mute a chat?", "Can you tell me how to mute a chat?"),
        ("How can\u2019t I mute a chat?", "How can I mute a chat?"),
        ("How do I mute a caf\u00e9?", "How do I mute a cafe\u0301?"),
    ],
)
def test_forms_tell_apart(one: str, other: str) -> None:
    assert form_of(one) != form_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I mute a chat in Slack?", "In Slack, how can I mute a chat?"),
        ("What's the time in Rome?", "Hey, what is the time in Rome? Thanks!"),
        ("Isn't  Rome in Italy?", "isn\u2019t Rome in Italy"),
        ("I'd like to bake bread. How do I do that?", "please explain to me how to bake bread"),
        ("I need to bake bread, how?", "What is the right way to bake bread?"),
    ],
)
def test_forms_bring_together(one: str, other: str) -> None:
    assert form_of(one) == form_of(other)


def test_forms_are_found_in_linear_time_and_of_long_texts_not_at_all() -> None:
    for text in ("how to " * 280, "please " * 280, "I want to " + "a" * 1900, "hi, " * 490, "in a, " * 320, "'a" * 990):
        form_of(text)
    assert form_of("a" * 2001) is None
    assert form_of("") != form_of(" ") or form_of("") is not None


# The vectors


def test_vectors_of_different_kinds_are_not_alike() -> None:
    one = packed([3.0, 4.0])
    assert likeness(one, one) == pytest.approx(1)
    assert likeness(one, packed([-3.0, -4.0])) == pytest.approx(-1)
    assert likeness(one, packed([1.0, 0.0, 0.0])) == likeness(one, b"") == likeness(b"abc", b"abc") == 0.0
    for vector in ([], [0.0], [float("nan")], [float("inf")], [1.0] * 9000):
        with pytest.raises(ValueError, match="not a vector"):
            packed(vector)
    assert not likeness(one, b"\xff\xff\xff\xff" * 2) >= 0.5  # NaN in a file


@pytest.mark.skipif(HAS_MODEL, reason="the extra `semantic` is installed")
def test_without_a_model_what_to_install_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"pip install .wordllama<0\.5. numpy tokenizers, or name one"):
        ProviderList(cache={"strategy": "semantic"})
    with pytest.raises(ValueError, match="pip install"):
        ProviderList(mock={"m": "a"}).ask_ai("Which?", "m", cache={"strategy": "semantic"})


@with_model
def test_the_model_on_this_machine_finds_it(serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], cache={"store": "memory", "strategy": "semantic"})
    first, second = made.ask_ai(ONE), made.ask_ai(SAME)
    assert (first.cached, second.cached, second) == (False, True, "reply 1")
    assert second.cost == 0.0
    assert [attempt.outcome for attempt in second.attempts] == ["cache, of a similar question"]
    assert not any(made.ask_ai(other).cached for other in OTHERS)


# A model that the user names


class Model:
    """Answers with how often it was asked; its vectors tell texts apart by their letters, or all of them."""

    def __init__(self, *, apart: bool = False, fails: bool = False) -> None:
        self.apart, self.fails, self.count = apart, fails, 0
        self.texts: list[str] = []

    def __call__(self, connection: Connection, request: Received) -> None:
        if not request.path.endswith("/embeddings"):
            self.count += 1
            if request.streams:
                from tests.servers import answer

                answer(connection, request, f"reply {self.count}")
            else:
                connection.reply(200, completion(f"reply {self.count}"))
            return
        text = request.json["input"]
        if text not in self.texts:
            self.texts.append(text)
        vector = [1.0 + text.lower().count(letter) / 100 for letter in "abcdefghijklmnopqrstuvwxyz"]
        if self.apart:
            vector = [float(number == self.texts.index(text)) for number in range(50)]
        row = {"object": "embedding", "index": 0, "embedding": "no vector" if self.fails else vector}
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        connection.reply(200, {"object": "list", "model": "m", "data": [row], "usage": usage})


def asked(server: Server, path: str = "/chat/completions") -> int:
    return sum(request.path.endswith(path) for request in server.requests)


def test_a_question_that_says_the_same_hits_and_costs_its_vector(serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], cache=SEMANTIC)
    first, second, third = made.ask_ai(ONE), made.ask_ai(SAME), made.ask_ai(ONE)
    assert [answer.cached for answer in (first, second, third)] == [False, True, True]
    assert set(map(str, (first, second, third))) == {"reply 1"}
    assert first.cost == pytest.approx(3e-6 + 2e-6 + 5e-6)  # the reply, and the vector of its question
    assert second.cost == pytest.approx(5e-6)
    assert third.cost == 0.0  # the very same question needs none
    assert (asked(server), asked(server, "/embeddings")) == (1, 2)
    for other in OTHERS:
        assert not made.ask_ai(other).cached, other


def test_tasks_streams_and_clients_find_it_as_well(serve: Serve) -> None:
    server = serve(Model())

    async def scene() -> None:
        made = async_list_of(server.url, facts=[FACTS], cache=SEMANTIC)
        first, second = await made.ask_ai(ONE, "m"), await made.ask_ai(SAME, "m")
        assert (first.cached, second.cached) == (False, True)
        assert second.cost == pytest.approx(5e-6)
        texts = []
        for question in (ONE, SAME):
            stream = await made.ask_ai(question, "m", stream=True)
            texts.append([piece async for piece in stream])
        assert texts[0] == texts[1]
        assert stream.answer.cached
        assert stream.answer.cost == 0.0  # its vector is known by now
        assert asked(server) == 2
        client = made.async_client() if hasattr(made, "async_client") else made.client()
        turns: Any = [{"role": "user", "content": "Please tell me how I can mute a chat."}]
        raw = await client.chat.completions.with_raw_response.create(model="m", messages=turns)
        assert raw.headers["x-inference-cache"] == "similar"
        await client.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "options",
    [
        {"system": "Be brief."},
        {"temperature": 1},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {"cache": {"strategy": "exact"}},
        {"cache": {"strategy": "semantic", "caller": "another"}},
        {"api_key": "canary-by-hand-0123456789", "model": "p1/m"},
        {"cache": {"strategy": "semantic", "similarity_threshold": 1.0}},
    ],
)
def test_all_else_must_be_the_same(options: dict[str, Any], serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], cache=SEMANTIC)
    made.ask_ai(ONE)
    assert not made.ask_ai(SAME, **options).cached
    assert made.ask_ai(SAME).cached


def test_earlier_turns_must_be_the_same_word_by_word(serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], cache=SEMANTIC)

    def talk(first: str, last: str) -> Any:
        turns = [("user", first), ("assistant", "Well."), ("user", last)]
        return made.ask_ai([{"role": role, "content": content} for role, content in turns])

    assert not talk(ONE, ONE).cached
    assert not talk(SAME, ONE).cached
    assert talk(ONE, SAME).cached
    assert not made.ask_ai([{"role": "user", "content": [{"type": "text", "text": SAME}]}]).cached


def test_the_threshold_must_be_reached(serve: Serve) -> None:
    server = serve(Model(apart=True))
    made = list_of(server.url, facts=[FACTS], cache=SEMANTIC)
    made.ask_ai(ONE)
    assert not made.ask_ai(SAME).cached


def test_who_is_avoided_makes_no_vector_either(serve: Serve) -> None:
    one, other = serve(Model()), serve(Model())
    made = list_of(one.url, other.url, facts=[FACTS, FACTS], cache=SEMANTIC)
    made.ask_ai(ONE, "m", avoid="p1")
    assert made.ask_ai(SAME, "m", avoid="p1").cached
    assert one.requests == []
    assert asked(other, "/embeddings") == 2


@pytest.mark.parametrize("way", ["no vector", "nobody"])
def test_a_model_that_gives_no_vector_costs_no_call(way: str, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(Model(fails=True))
    options = {**SEMANTIC, **({"embedding_model": "nobody/has-this"} if way == "nobody" else {})}
    made = list_of(server.url, facts=[FACTS], cache=options)
    assert [made.ask_ai(question).cached for question in (ONE, SAME, ONE)] == [False, False, True]
    assert asked(server, "/embeddings") == (way == "no vector")  # and none is asked for at once again
    said = [line for line in caplog.messages if "the cache finds nothing similar for now" in line]
    assert len(said) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_model_that_never_answers_leaves_the_call_its_time(kind: str, serve: Serve) -> None:
    answers = Model()

    def hanging(connection: Connection, request: Received) -> None:
        if request.path.endswith("/embeddings"):
            connection.hold()
        else:
            answers(connection, request)

    vectors, chats = serve(hanging), serve(answers)
    made = (list_of if kind == "sync" else async_list_of)(
        chats.url, vectors.url, facts=[FACTS, FACTS], cache={**SEMANTIC, "embedding_model": "p2/m"}
    )

    async def ask() -> Any:
        return await done(made.ask_ai(ONE, "p1/m", timeout=2))

    assert asyncio.run(ask()) == "reply 1"
    assert vectors.left()
    assert asked(vectors, "/embeddings") == 1


def test_what_is_cleared_or_too_old_is_not_found_by_its_meaning(serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], cache=SEMANTIC)
    made.ask_ai(ONE)
    made.pipeline.stages[0].store.clear()
    assert not made.ask_ai(SAME).cached
    assert made.ask_ai(ONE, cache={**SEMANTIC_CALL, "ttl": 1000}).cached
    made.pipeline.stages[0]._clock = lambda: 1e12
    assert not made.ask_ai(SAME).cached


SEMANTIC_CALL = {"strategy": "semantic", "embedding_model": "m"}


def test_one_call_may_ask_for_it_in_the_words_of_others(serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], environ=places())
    config = {
        "enabled": True, "ttl": 3600, "key_strategy": "semantic_similarity", "similarity_threshold": 0.95,
        "embedding_model": "m",
    }  # fmt: skip
    assert [made.ask_ai(question, cache_config=config).cached for question in (ONE, SAME)] == [False, True]


@pytest.mark.parametrize(
    "poison", [{"vector": "text"}, {"vector": b""}, {"vector": b"\xff" * 104}, {"vector": b"x" * 10**6}, {"key": 7}]
)
def test_rows_of_another_form_count_as_none(poison: dict[str, Any], serve: Serve) -> None:
    server = serve(Model())
    options: Any = {k: v for k, v in SEMANTIC.items() if k != "store"}
    made = ProviderList(
        json_override=registry_of(server.url, facts=[FACTS]),
        environ={**keys(1), **places()},
        local=False,
        cache=options,
    )
    made.ask_ai(ONE, "m")
    connection = sqlite3.connect(made.pipeline.stages[0].store.base.path)  # type: ignore[attr-defined]
    ((name, value),) = poison.items()
    assert connection.execute(f"UPDATE forms SET {name} = ?", (value,)).rowcount == 1
    connection.commit()
    connection.close()
    assert not made.ask_ai(SAME, "m").cached
    assert made.ask_ai("how to mute a chat", "m").cached


def test_the_file_does_not_hold_the_question(serve: Serve) -> None:
    server = serve(Model())
    made = list_of(server.url, facts=[FACTS], environ=places(), cache={**SEMANTIC_CALL})
    made.ask_ai(ONE)
    path = Path(made.pipeline.stages[0].store.base.path)
    content = b"".join(file.read_bytes() for file in path.parent.glob("replies.db*"))
    assert b"reply 1" in content
    assert not re.search(rb"mute|chat\?", content)
