"""What a chunk of a stream says, in each API that streams: noted on the `Notes` of the stream. Pure.

A reader takes the notes, the chunk and its size in bytes, and says whether it is a chunk: a ping is not.
"""

from __future__ import annotations

from inference_providers import chat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.stream_notes import Notes

    Reader = Callable[[Notes, Mapping[str, Any], int], bool]

COMPLETIONS, RESPONSES, MESSAGES = "/completions", "/responses", "/messages"
_TEXT_ALONE = frozenset(("content", "role")).issuperset


def reader_of(path: str) -> tuple[Reader | None, bool]:
    """What reads the chunks of an API, and whether an answer without content is always one.

    None for an API whose streams are only looked at for errors.
    """
    if path == chat.PATH:
        return chat_chunk, False
    if path == COMPLETIONS:  # there may be nothing to complete
        return completion_chunk, True
    if path == RESPONSES:
        from inference_providers.protocols.responses import response_event

        return response_event, False
    if path == MESSAGES:
        from inference_providers.protocols.messages_stream import message_event

        return message_event, False
    return None, False


def chat_chunk(notes: Notes, chunk: Mapping[str, Any], size: int) -> bool:
    """A chunk of a chat completion."""
    choices = chunk.get("choices")
    if type(choices) is list and len(choices) == 1 and not notes.finishes and not chunk.get("usage"):
        choice = choices[0]
        delta = choice.get("delta") if type(choice) is dict else None
        if type(delta) is dict and not choice.get("finish_reason") and not choice.get("index"):  # most are like this
            content = delta.get("content")
            if type(content) is str and content and _TEXT_ALONE(delta) and not choice.get("logprobs"):
                notes.words.add(content)
                notes.started = True
                return True
    elif type(choices) is not list and _is_ping(chunk):
        return False
    if usage := chat.billed_in(chunk):
        notes.usage = chat.with_usage(notes.usage, usage)
    notes.other += size
    notes.odd = not isinstance(choices, list)
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            _chat_choice(notes, choice)
    return True


def _is_ping(chunk: Mapping[str, Any]) -> bool:
    """Whether an object that comes instead of a chunk says nothing: it holds neither a list nor an object."""
    return not any(value and isinstance(value, dict | list) for value in chunk.values())


def _chat_choice(notes: Notes, choice: Mapping[str, Any]) -> None:
    """What one answer's part of a chunk says."""
    reason, index = choice.get("finish_reason"), choice.get("index")
    index = index if type(index) is int else 0
    if reason in chat.FAILED:
        held = choice.get("error")
        if held:
            notes.error({"error": held})
        else:
            notes.fail(f"the stream ended with finish_reason {reason!r}")
        return
    delta = chat.delta_of(choice)
    notes.odd = notes.odd or delta is not choice.get("delta") or bool(delta.get("tool_calls"))
    text = chat.content_text(delta.get("content"))
    if not index:
        notes.words.add(text)
    notes.thoughts += len(chat.thoughts(delta))
    if text or chat.has_thoughts(delta) or chat.has_tool_calls(choice) or chat.has_other_content(choice):
        notes.started = True
        _went_on(notes, index)
    if reason:
        _finish(notes, choice, index)


def _went_on(notes: Notes, index: int) -> None:
    """Content has come: what comes behind a finish reason shows that it was none, and is not waited for in vain."""
    if index in notes.finishes:
        notes.resting, notes.choices = False, 1 << 62
    elif notes.resting:
        notes.resting = False


def _finish(notes: Notes, choice: Mapping[str, Any], index: int) -> None:
    notes.finished = True
    notes.finishes.add(index)
    notes.resting = len(notes.finishes) >= notes.choices
    if not index:
        reason = choice.get("finish_reason")
        notes.filtered, notes.cut = chat.is_withheld(reason), chat.is_cut(reason)


def completion_chunk(notes: Notes, chunk: Mapping[str, Any], size: int) -> bool:
    """A chunk of a completion of the older kind: its choices hold text."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) and _is_ping(chunk):
        return False
    if usage := chat.billed_in(chunk):
        notes.usage = chat.with_usage(notes.usage, usage)
    notes.other += size
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            index, text = choice.get("index"), choice.get("text")
            index = index if type(index) is int else 0
            if text and isinstance(text, str):
                notes.started = True
                _went_on(notes, index)
                if not index:
                    notes.words.add(text)
            if choice.get("finish_reason"):
                _finish(notes, choice, index)
    return True
