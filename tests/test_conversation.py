"""Conversations are values: made of messages or dicts, and back again."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from inference_providers import ContentItem, Conversation, Message, Role, Type

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


# The form of other tools


PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 8


def test_messages_take_other_tools_fields_and_their_ids_stay_here() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    message = Message(id="m-1", role=Role.ASSISTANT, tool_calls=[call], reasoning_content="hm")
    assert (message.id, message.tool_calls, message.reasoning_content) == ("m-1", [call], "hm")
    assert message.as_dict() == {
        "role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm",
    }  # fmt: skip
    assert Message.of(message.to_dict()) == message
    assert Message(role="tool", content="4", tool_call_id="c1").tool_call_id == "c1"


def test_items_are_sent_as_parts_and_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    items = [
        ContentItem(type=Type.TEXT, content="What is it?"),
        ContentItem(type=Type.IMAGE_PATH, content=str(path)),
        ContentItem(type=Type.IMAGE_BINARY, binary=PICTURE),
        ContentItem(type=Type.IMAGE_URL, content="https://example.com/a.png"),
    ]
    talk = Conversation([Message(Role.USER, items)])
    url = "data:image/png;base64," + b64encode(PICTURE).decode()
    assert talk.as_messages()[0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    again = Conversation.from_json(talk.to_json())
    assert again == talk
    assert again[0].content_items == items
    assert (len(again[0].text_content_items), len(again[0].image_content_items)) == (1, 3)
    assert again[0].compute_flattened_text_content() == "What is it?"
    assert again[0].contains_images()
    assert again[0].contains_text()


def test_parts_in_openais_form_are_items_as_well() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:x"}}, {"type": "audio"}]
    items = Message("user", parts).content_items
    assert [(item.type, item.content) for item in items] == [("text", "a"), ("image_url", "data:x")]
    assert Message("user", "b").content_items == [ContentItem("text", "b")]
    assert Message("assistant").content_items == []


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "text"},
        {"type": "text", "content": "a", "binary": b"b"},
        {"type": "image_binary"},
        {"type": "image_path"},
        {"type": "image_url", "content": ""},
        {"type": "video", "content": "a"},
        {"type": "image_binary", "binary": "not base64!"},
    ],
)
def test_an_item_without_anything_in_it_is_refused(fields: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        ContentItem(**fields)


def test_a_picture_that_cannot_be_read_is_named_when_it_is_sent(tmp_path: Path) -> None:
    talk = Conversation([Message("user", [{"type": "image_path", "content": str(tmp_path / "none.png")}])])
    with pytest.raises(ValueError, match=r"none\.png"):
        talk.as_messages()
    secret = tmp_path / "secret.txt"
    secret.write_text("not a picture")
    talk = Conversation([Message("user", [{"type": "image_path", "content": str(secret)}])])
    with pytest.raises(ValueError, match="not an image"):
        talk.as_messages()


def test_messages_are_found_by_role_and_by_a_function() -> None:
    talk = Conversation.of([*TURNS, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Bye"}])
    first = talk.first_message(Role.USER)
    assert first is not None
    assert first.content == "Hi"
    assert talk.first_message("tool") is None
    assert [m.content for m in talk.filter_messages(role=Role.USER)] == ["Hi", "Bye"]
    assert [m.content for m in talk.filter_messages(filter_fn=lambda m: "e" in str(m.content))] == [
        "Be brief.", "Hello", "Bye",
    ]  # fmt: skip
    assert len(talk.filter_messages()) == 4
    assert Conversation([], "c-1").append_id_to_string("It failed.") == "It failed. Conversation id: c-1."


def test_tools_are_kept_and_functions_become_their_descriptions() -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    talk = Conversation(TURNS, tools=[add])  # type: ignore[arg-type]
    assert talk.tools is not None
    assert talk.tools[0]["function"]["name"] == "add"
    again = Conversation.from_dict(json.loads(talk.to_json()))
    assert again == talk
    assert again.with_message({"role": "assistant", "content": "x"}).tools == talk.tools


@pytest.mark.parametrize("text", ["", "[]", '"Hi"', "{}", "{"])
def test_json_that_is_no_conversation_is_refused(text: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        Conversation.from_json(text)


def test_what_a_dict_has_beside_its_messages_is_kept_and_no_wish_is_passed_over() -> None:
    turns = [{"role": "user", "content": "Hi"}]
    row = {"id": 7, "source": "web", "messages": turns, "metadata": {"k": 1}, "conversation_id": "c"}
    found = Conversation.from_dict(row)
    assert found.metadata == {"id": 7, "source": "web", "k": 1}
    assert Conversation.from_json(found.to_json()) == found
    for name, value in (("tool_choice", "required"), ("temperature", 0), ("response_format", {}), ("functions", [{}])):
        with pytest.raises(TypeError, match=f"a conversation has no '{name}'"):
            Conversation.from_dict({"messages": turns, name: value})
        assert Conversation.from_dict({"messages": turns, name: None}).metadata == {}
