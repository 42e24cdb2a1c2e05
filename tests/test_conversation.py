"""Conversations are values: made of messages or dicts, and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_providers import Conversation, Message, Role

TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    "given",
    [
        TURNS,
        {"messages": TURNS},
        [Message(Role.SYSTEM, "Be brief."), {"role": "user", "content": "Hi"}],
        Conversation([Message("system", "Be brief."), Message("user", "Hi")]),
    ],
)
def test_every_form_is_the_same_conversation(given: Any) -> None:
    assert Conversation.of(given).as_messages() == TURNS


def test_a_text_is_the_users_one_message() -> None:
    assert Conversation.of("Hi") == Conversation([Message(Role.USER, "Hi")])


def test_roles_are_texts_and_unknown_ones_stay() -> None:
    assert Message("user", "x").role is Role.USER
    assert Message("developer", "x").as_dict() == {"role": "developer", "content": "x"}
    assert f"{Message('user').role}" == "user"


def test_what_else_a_message_holds_comes_back() -> None:
    turn = {"role": "tool", "content": "4", "tool_call_id": "c1", "name": "add"}
    assert Message.of(turn).as_dict() == turn


def test_parts_are_kept_as_they_are() -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:x"}}]
    assert Conversation.of([{"role": "user", "content": parts}])[0].content == parts


@pytest.mark.parametrize("given", [5, None, {}, {"messages": "Hi"}, {"role": "user", "content": "Hi"}, b"Hi"])
def test_what_is_no_conversation_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="a conversation is a Conversation"):
        Conversation.of(given)


@pytest.mark.parametrize("turn", ["Hi", {"content": "Hi"}, None, ["user", "Hi"]])
def test_what_is_no_message_is_refused(turn: Any) -> None:
    with pytest.raises(TypeError, match="a message is a Message or a dict"):
        Conversation([turn])


def test_one_more_message_leaves_the_first_conversation_as_it_was() -> None:
    first = Conversation.of({"messages": [TURNS[1]], "conversation_id": "c-1", "metadata": {"seed": 3}})
    second = first.with_message({"role": "assistant", "content": "Hello"})
    second.metadata["seed"] = 4
    assert (len(first), len(second), first.metadata, second.conversation_id) == (1, 2, {"seed": 3}, "c-1")


def test_the_last_message_of_a_role_is_found() -> None:
    talk = Conversation.of([*TURNS, {"role": "assistant", "content": "Hello"}])
    last = talk.last_message()
    assert last is not None and last.content == "Hello"
    assert talk.last_message(Role.USER) == Message("user", "Hi")
    assert talk.last_message("tool") is None
    assert Conversation().last_message() is None


def test_json_and_back_changes_nothing() -> None:
    talk = Conversation.of({"messages": TURNS, "conversation_id": "c-1", "metadata": {"topic": "greetings"}})
    assert Conversation.of(json.loads(json.dumps(talk.to_dict()))) == talk
    assert Conversation.of(TURNS).to_dict() == {"messages": TURNS}
