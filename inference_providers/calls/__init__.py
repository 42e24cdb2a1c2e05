"""One question to its answer: found, fitted, routed, sent, judged."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import tool_loop as tool_loop
    from inference_providers.calls.answer_stream import AnswerStream as AnswerStream
    from inference_providers.calls.answer_stream import AsyncAnswerStream as AsyncAnswerStream
    from inference_providers.calls.async_caller import AsyncCaller as AsyncCaller
    from inference_providers.calls.async_caller import AsyncStreamReply as AsyncStreamReply
    from inference_providers.calls.caller import Caller as Caller
    from inference_providers.calls.caller import Reply as Reply
    from inference_providers.calls.caller import StreamReply as StreamReply
    from inference_providers.calls.finder import LAUNCH as LAUNCH
    from inference_providers.calls.finder import Finder as Finder
    from inference_providers.calls.tool_loop import converse as converse
    from inference_providers.calls.tool_loop import converse_async as converse_async

_HOME = {
    "answer_stream": (
        "AnswerStream",
        "AsyncAnswerStream",
    ),
    "async_caller": (
        "AsyncCaller",
        "AsyncStreamReply",
    ),
    "caller": (
        "Caller",
        "Reply",
        "StreamReply",
    ),
    "finder": (
        "Finder",
        "LAUNCH",
    ),
    "tool_loop": (
        "converse",
        "converse_async",
    ),
}
__getattr__, __dir__, __all__ = face(__name__, _HOME, modules=("tool_loop",))
