"""One question to its answer: found, fitted, routed, sent, judged."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import asker as asker
    from inference_providers.calls import async_asker as async_asker
    from inference_providers.calls import key_checks as key_checks
    from inference_providers.calls import refused as refused
    from inference_providers.calls.answer_stream import AnswerStream as AnswerStream
    from inference_providers.calls.async_answer_stream import AsyncAnswerStream as AsyncAnswerStream
    from inference_providers.calls.async_stream_reply import AsyncStreamReply as AsyncStreamReply
    from inference_providers.calls.async_vectors import async_embedded as async_embedded
    from inference_providers.calls.async_vectors import async_reranked as async_reranked
    from inference_providers.calls.events import AttemptFinished as AttemptFinished
    from inference_providers.calls.events import CallFinished as CallFinished
    from inference_providers.calls.events import CallStarted as CallStarted
    from inference_providers.calls.events import Event as Event
    from inference_providers.calls.events import FirstContent as FirstContent
    from inference_providers.calls.events import StreamFinished as StreamFinished
    from inference_providers.calls.explaining import explained as explained
    from inference_providers.calls.finder import LAUNCH as LAUNCH
    from inference_providers.calls.finder import Finder as Finder
    from inference_providers.calls.key_checks import KeyCheck as KeyCheck
    from inference_providers.calls.kinds import candidates_for as candidates_for
    from inference_providers.calls.kinds import candidates_of_kind as candidates_of_kind
    from inference_providers.calls.listing import listed_models as listed_models
    from inference_providers.calls.live_store import LIVE_FILES as LIVE_FILES
    from inference_providers.calls.narrowing import narrowed as narrowed
    from inference_providers.calls.observation import Call as Call
    from inference_providers.calls.observation import Stage as Stage
    from inference_providers.calls.owners import IN_PATH as IN_PATH
    from inference_providers.calls.owners import Owners as Owners
    from inference_providers.calls.owners import StreamIds as StreamIds
    from inference_providers.calls.owners import given_ids as given_ids
    from inference_providers.calls.owners import is_id as is_id
    from inference_providers.calls.owners import named_ids as named_ids
    from inference_providers.calls.owners import one_place as one_place
    from inference_providers.calls.owners import same_place as same_place
    from inference_providers.calls.pipeline import Pipeline as Pipeline
    from inference_providers.calls.pipeline import options_of as options_of
    from inference_providers.calls.refused_keys import RefusedKeyListener as RefusedKeyListener
    from inference_providers.calls.reply import Reply as Reply
    from inference_providers.calls.stream_reply import StreamReply as StreamReply
    from inference_providers.calls.tool_loop import answer_of as answer_of
    from inference_providers.calls.vectors import embedded as embedded
    from inference_providers.calls.vectors import reranked as reranked

_HOME = {
    "answer_stream": ("AnswerStream",),
    "async_answer_stream": ("AsyncAnswerStream",),
    "async_stream_reply": ("AsyncStreamReply",),
    "async_vectors": (
        "async_embedded",
        "async_reranked",
    ),
    "events": (
        "AttemptFinished",
        "CallFinished",
        "CallStarted",
        "Event",
        "FirstContent",
        "StreamFinished",
    ),
    "explaining": ("explained",),
    "finder": (
        "Finder",
        "LAUNCH",
    ),
    "key_checks": ("KeyCheck",),
    "kinds": (
        "candidates_for",
        "candidates_of_kind",
    ),
    "listing": ("listed_models",),
    "live_store": ("LIVE_FILES",),
    "narrowing": ("narrowed",),
    "observation": (
        "Call",
        "Stage",
    ),
    "owners": (
        "IN_PATH",
        "Owners",
        "StreamIds",
        "given_ids",
        "is_id",
        "named_ids",
        "one_place",
        "same_place",
    ),
    "pipeline": (
        "Pipeline",
        "options_of",
    ),
    "refused_keys": ("RefusedKeyListener",),
    "reply": ("Reply",),
    "stream_reply": ("StreamReply",),
    "tool_loop": ("answer_of",),
    "vectors": (
        "embedded",
        "reranked",
    ),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "asker",
        "async_asker",
        "key_checks",
        "refused",
    ),
)
