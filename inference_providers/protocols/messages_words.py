"""Fields of Anthropic's messages that a refusal names, in the words of a chat completion. Pure.

Loaded with the first refusal of a request that was translated.
"""

from __future__ import annotations

import re

_WORDS = (
    (
        r"messages\.(\d{1,6})\.content\.\d{1,6}: (?:Invalid `signature`|`thinking` or `redacted_thinking`).*",
        r"messages.\1.reasoning_details: not permitted",
    ),
    (r"output_(?:config\.)?format(?:\.\w{1,30}){0,4}", "response_format"),
    (r"(?<![\w.])thinking(?:\.(?:type|budget_tokens|display|enabled|adaptive|disabled)){1,3}", "reasoning_effort"),
    (r"output_config(?:\.effort)?|(?<![\w.])budget_tokens|(?<=the )effort(?= parameter)", "reasoning_effort"),
    (r"(?<![\w.])thinking(?=: )|[`'\"]thinking[`'\"]|\badaptive thinking\b", "reasoning_effort"),
    (r"stop_sequences", "stop"),
    (r"(?<![\w.])metadata(?:\.user_id)?(?=[:`'\"])", "user"),
    (r"tools\.(\d{1,4})\.(?:custom\.)?input_schema", r"tools.\1.function.parameters"),
    (r"tools\.(\d{1,4})\.(?:custom\.)?strict", r"tools.\1.function.strict"),
)
_READ = 4096  # characters of a refusal that are looked at


def in_words_of_chats(text: str) -> str:
    """What a server says of a request, its fields called as they are in a chat completion."""
    text = text[:_READ]
    for pattern, word in _WORDS:
        text = re.sub(pattern, word, text)
    return text
