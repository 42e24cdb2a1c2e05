"""Google's other paths: how many tokens something has, lists of models, vectors of texts. Pure."""

from __future__ import annotations

from inference_providers.protocols.gemini_fields import fields, refused, several, text, whole
from inference_providers.protocols.gemini_in import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked

HEAD = "models/"
_METHODS = ["generateContent", "countTokens"]
_PAGE, _LARGEST_PAGE = 50, 1000  # models of a list, unless another number is asked for
_BODY = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig")


def read_count(body: Mapping[str, Any], model: str) -> Asked:
    """A request for a count of tokens, as the chat completion whose tokens are meant. Raises InvalidRequestError."""
    box = fields(body, "the body")
    whole_request = box.get("generateContentRequest")
    if whole_request is not None:
        box = fields(whole_request, "generateContentRequest")
    return read({name: box[name] for name in _BODY if name in box}, model)


def count(tokens: int) -> dict[str, Any]:
    """So many tokens, in Google's form."""
    return {"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}


def model(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a list of models in OpenAI's form, in Google's."""
    name = str(row.get("id", ""))
    features = row.get("features")
    features = features if isinstance(features, list) else []
    told: dict[str, Any] = {"name": HEAD + name, "baseModelId": name, "version": "", "displayName": name}
    if owner := row.get("owned_by"):
        told["description"] = f"{name} at {owner}"
    for of, to in (("context_window", "inputTokenLimit"), ("max_output_tokens", "outputTokenLimit")):
        if isinstance(row.get(of), int):
            told[to] = row[of]
    embeds = row.get("kind") == "embeddings"
    told["supportedGenerationMethods"] = ["embedContent", "batchEmbedContents"] if embeds else _METHODS
    return {**told, "thinking": True} if "reasoning" in features else told


def models(rows: Iterable[Mapping[str, Any]], *, size: str = "", token: str = "") -> dict[str, Any]:
    """A page of a list of models. size, token: as the query has them. Raises InvalidRequestError."""
    wanted = min(whole(size or _PAGE, "pageSize"), _LARGEST_PAGE)
    if wanted < 0 or (token and not (token.isascii() and token.isdecimal() and len(token) < 10)):
        raise refused("pageToken is none that was given here" if token else "pageSize must be a whole number above 0")
    begin, size_ = int(token or 0), wanted or _PAGE
    listed = list(rows)
    told: dict[str, Any] = {"models": [model(row) for row in listed[begin : begin + size_]]}
    return {**told, "nextPageToken": str(begin + size_)} if begin + size_ < len(listed) else told


def read_embeddings(body: Mapping[str, Any], model: str, *, many: bool) -> dict[str, Any]:
    """A request for vectors as one in OpenAI's form. Raises InvalidRequestError, which names the field."""
    box = fields(body, "the body")
    asked = several(box.get("requests"), "requests") if many else [body]
    if not asked:
        raise refused("requests: at least one is needed")
    texts, sizes = [], set()
    for place, one in enumerate(asked):
        where = f"requests[{place}]." if many else ""
        request = fields(one, where or "the body")
        parts = several(fields(request.get("content"), f"{where}content").get("parts"), f"{where}content.parts")
        said = [fields(part, f"{where}content.parts") for part in parts]
        if others := {name for part in said for name in part if name != "text"}:
            raise refused(f"{where}content: vectors are made of text here, not of {min(others)[:60]}")
        texts.append("\n".join([text(part.get("text"), f"{where}content.parts.text") for part in said]))
        config = fields(request.get("embedContentConfig", {}), f"{where}embedContentConfig")
        size = request.get("outputDimensionality", config.get("outputDimensionality"))
        sizes.add(None if size is None else whole(size, f"{where}outputDimensionality"))
    if len(sizes) > 1:
        raise refused("requests: outputDimensionality must be the same in all of them")
    size = sizes.pop()
    return {"model": model, "input": texts, **({} if size is None else {"dimensions": size})}


def embeddings(data: Mapping[str, Any], *, many: bool) -> dict[str, Any]:
    """Vectors in OpenAI's form, in Google's."""
    rows = data.get("data")
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found.sort(key=lambda row: row["index"] if type(row.get("index")) is int else 0)
    made = [{"values": row.get("embedding")} for row in found]
    return {"embeddings": made} if many else {"embedding": made[0] if made else {"values": []}}
