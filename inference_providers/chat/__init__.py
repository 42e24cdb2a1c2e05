"""What is said: messages, parameters, tools, the shape of an answer, the answer."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.chat import file_kinds as file_kinds
    from inference_providers.chat import parameter_rules as parameter_rules
    from inference_providers.chat import parameters as parameters
    from inference_providers.chat.answer import Answer as Answer
    from inference_providers.chat.answer import AnswerBuilder as AnswerBuilder
    from inference_providers.chat.answer import plain as plain
    from inference_providers.chat.arguments import BALANCED as BALANCED
    from inference_providers.chat.arguments import CHEAPEST as CHEAPEST
    from inference_providers.chat.arguments import DROP as DROP
    from inference_providers.chat.arguments import EMBEDDING_MODEL_VARIABLE as EMBEDDING_MODEL_VARIABLE
    from inference_providers.chat.arguments import FASTEST as FASTEST
    from inference_providers.chat.arguments import LISTED as LISTED
    from inference_providers.chat.arguments import MAX_STEPS as MAX_STEPS
    from inference_providers.chat.arguments import MODEL_VARIABLE as MODEL_VARIABLE
    from inference_providers.chat.arguments import ORDERS as ORDERS
    from inference_providers.chat.arguments import PREFERRING as PREFERRING
    from inference_providers.chat.arguments import RANDOM as RANDOM
    from inference_providers.chat.arguments import SMARTEST as SMARTEST
    from inference_providers.chat.arguments import Models as Models
    from inference_providers.chat.arguments import Prompt as Prompt
    from inference_providers.chat.arguments import check_timeout as check_timeout
    from inference_providers.chat.arguments import default_models as default_models
    from inference_providers.chat.arguments import names_of as names_of
    from inference_providers.chat.arguments import order_behind as order_behind
    from inference_providers.chat.assembly import Assembly as Assembly
    from inference_providers.chat.assembly import ToolCalls as ToolCalls
    from inference_providers.chat.assembly import assembled as assembled
    from inference_providers.chat.attachments import MOST_BYTES as MOST_BYTES
    from inference_providers.chat.attachments import file_parts as file_parts
    from inference_providers.chat.completion import FAILED as FAILED
    from inference_providers.chat.completion import PATH as PATH
    from inference_providers.chat.completion import Pieces as Pieces
    from inference_providers.chat.completion import as_chunk as as_chunk
    from inference_providers.chat.completion import as_delta as as_delta
    from inference_providers.chat.completion import billed_in as billed_in
    from inference_providers.chat.completion import content_text as content_text
    from inference_providers.chat.completion import cut_by_length as cut_by_length
    from inference_providers.chat.completion import delta_of as delta_of
    from inference_providers.chat.completion import first_choice as first_choice
    from inference_providers.chat.completion import first_delta as first_delta
    from inference_providers.chat.completion import has_other_content as has_other_content
    from inference_providers.chat.completion import has_thoughts as has_thoughts
    from inference_providers.chat.completion import has_tool_calls as has_tool_calls
    from inference_providers.chat.completion import is_cut as is_cut
    from inference_providers.chat.completion import is_thought as is_thought
    from inference_providers.chat.completion import is_withheld as is_withheld
    from inference_providers.chat.completion import message_of as message_of
    from inference_providers.chat.completion import messages as messages
    from inference_providers.chat.completion import refusal_in as refusal_in
    from inference_providers.chat.completion import reply_text as reply_text
    from inference_providers.chat.completion import test_body as test_body
    from inference_providers.chat.completion import thinks as thinks
    from inference_providers.chat.completion import thoughts as thoughts
    from inference_providers.chat.completion import tool_calls as tool_calls
    from inference_providers.chat.completion import usage_in as usage_in
    from inference_providers.chat.completion import with_images as with_images
    from inference_providers.chat.completion import with_instruction as with_instruction
    from inference_providers.chat.completion import with_parts as with_parts
    from inference_providers.chat.completion import with_usage as with_usage
    from inference_providers.chat.content_items import ContentItem as ContentItem
    from inference_providers.chat.content_items import Type as Type
    from inference_providers.chat.conversation import Conversation as Conversation
    from inference_providers.chat.conversation import FinishReason as FinishReason
    from inference_providers.chat.conversation import Message as Message
    from inference_providers.chat.conversation import Role as Role
    from inference_providers.chat.file_kinds import image_format as image_format
    from inference_providers.chat.images import image_urls as image_urls
    from inference_providers.chat.parameter_rules import Rules as Rules
    from inference_providers.chat.question import Question as Question
    from inference_providers.chat.structured import SchemaMismatch as SchemaMismatch
    from inference_providers.chat.thinking import Splitter as Splitter
    from inference_providers.chat.tools import Call as Call
    from inference_providers.chat.tools import Tool as Tool
    from inference_providers.chat.tools import Toolbox as Toolbox
    from inference_providers.chat.turns import NOT_JSON as NOT_JSON
    from inference_providers.chat.turns import NOTHING as NOTHING
    from inference_providers.chat.turns import assistant as assistant
    from inference_providers.chat.turns import calls_of as calls_of
    from inference_providers.chat.turns import tool_result as tool_result
    from inference_providers.chat.turns import without_calls as without_calls
    from inference_providers.chat.vectors import LETTERS as LETTERS
    from inference_providers.chat.vectors import TEXTS as TEXTS
    from inference_providers.chat.vectors import Embeddings as Embeddings
    from inference_providers.chat.vectors import Ranking as Ranking
    from inference_providers.chat.vectors import parts as parts
    from inference_providers.chat.vectors import ranking_of as ranking_of
    from inference_providers.chat.vectors import vectors_of as vectors_of

_HOME = {
    "answer": (
        "Answer",
        "AnswerBuilder",
        "plain",
    ),
    "arguments": (
        "BALANCED",
        "CHEAPEST",
        "DROP",
        "EMBEDDING_MODEL_VARIABLE",
        "FASTEST",
        "LISTED",
        "MAX_STEPS",
        "MODEL_VARIABLE",
        "ORDERS",
        "PREFERRING",
        "RANDOM",
        "SMARTEST",
        "check_timeout",
        "default_models",
        "names_of",
        "order_behind",
    ),
    "assembly": (
        "Assembly",
        "ToolCalls",
        "assembled",
    ),
    "attachments": (
        "MOST_BYTES",
        "file_parts",
    ),
    "completion": (
        "FAILED",
        "PATH",
        "Pieces",
        "as_chunk",
        "as_delta",
        "billed_in",
        "content_text",
        "cut_by_length",
        "delta_of",
        "first_choice",
        "first_delta",
        "has_other_content",
        "has_thoughts",
        "has_tool_calls",
        "is_cut",
        "is_thought",
        "is_withheld",
        "message_of",
        "messages",
        "refusal_in",
        "reply_text",
        "test_body",
        "thinks",
        "thoughts",
        "tool_calls",
        "usage_in",
        "with_images",
        "with_instruction",
        "with_parts",
        "with_usage",
    ),
    "content_items": (
        "ContentItem",
        "Type",
    ),
    "conversation": (
        "Conversation",
        "FinishReason",
        "Message",
        "Role",
    ),
    "file_kinds": ("image_format",),
    "images": ("image_urls",),
    "parameter_rules": ("Rules",),
    "question": ("Question",),
    "structured": ("SchemaMismatch",),
    "thinking": ("Splitter",),
    "tools": (
        "Call",
        "Tool",
        "Toolbox",
    ),
    "turns": (
        "NOTHING",
        "NOT_JSON",
        "assistant",
        "calls_of",
        "tool_result",
        "without_calls",
    ),
    "vectors": (
        "Embeddings",
        "LETTERS",
        "Ranking",
        "TEXTS",
        "parts",
        "ranking_of",
        "vectors_of",
    ),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "file_kinds",
        "parameter_rules",
        "parameters",
    ),
)
