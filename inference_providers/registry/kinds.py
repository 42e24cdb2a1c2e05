"""Kinds of models that are for something else than text: embeddings, images, speech, and what they are called. Pure."""

from __future__ import annotations

import re

EMBEDDINGS, RERANK, IMAGES = "embeddings", "rerank", "images"
SPEECH, TRANSCRIPTION, MODERATION = "speech", "transcription", "moderation"
KINDS = (EMBEDDINGS, RERANK, IMAGES, SPEECH, TRANSCRIPTION, MODERATION)  # as the API is called by which they are asked

# What the names of a kind have in them; the first that matches.
_CALLED = {
    RERANK: r"rerank|(^|[-/])(llama-rank|colbert)",
    MODERATION: r"moderation",
    TRANSCRIPTION: r"whisper|transcri|(^|[-/:])(asr|stt|parakeet|canary)([-.:]|$)",
    SPEECH: r"(^|[-/:.])(tts|kokoro|piper|xtts|bark|orpheus|melotts|chatterbox|speech)([-.:\d]|$)|magpie-tts",
    EMBEDDINGS: (
        r"embed|(^|[-/])(bge|gte|e5|minilm|all-minilm|mpnet|paraphrase|voyage|uae)([-.:]|$)|multilingual-e5|(^|/)jina-(clip|code)"
    ),
    IMAGES: (
        r"dall-e|flux|imagen|imagine-image|ideogram|recraft|seedream|stable-diffusion|sdxl|(^|[-/])image([-.:]|$)|cogview|hidream"
    ),
}

# What is no text model: words of a name, and names that begin or end so.
OTHER_KINDS = (
    r"(^|[-./:])([a-z]*embed[a-z]*|rerank|reranker|whisper|tts|stt|asr|dall-e|flux|veo|veo3\.1|sora"
    r"|imagen|imagine|ideogram|recraft|seedance|seedream|kling|runway|lyria|hailuo|wan2\.?\d?|"
    r"stable-diffusion|stablediffusionxl|sdxl|ray2|elevenlabs|gpt-image|qwen-image|transcribe|livetranslate|"
    r"bge|gte|e5|voyage|nomic|minilm|mpnet|paraphrase|moderation|paligemma|smart-turn|clip|"
    r"all-mini|nemoretriever|segment-anything|esmfold|esm2|orpheus|melotts|lucid-origin|lucid-realism|dreamshaper|"
    r"[a-z0-9]*guard|guardian|shieldgemma|content-safety|[a-z]*voice|voicechat|realtime|audio|speech|parakeet|canary-1b|canary-qwen|magpie|"
    r"detection|detector|detr|resnet|bevformer|sparsedrive|streampetr|gliner|distilbert|bart|m2m100|indictrans2|"
    r"changenet|ocdrnet|grounding-dino|maxine|trellis|cosmos-predict|suno|heygen|eleven-v|image|nano-banana|mmproj"
    r"|stepaudio|mini-?lm|granite-ttm|whisper[a-z]*|studiovoice|streaming)"
    r"($|[-.\d])|^aura(-\d)?($|-[a-z]+-?[a-z]*$)|^gpt-live-|^(wan-v|topazlabs|stability\.|mtp-|sam-\d|gemini-live-|nova-(\d-)?(sonic|canvas|reel))|^gemini-.*-live($|-)"
)
# The same, of which only servers of people's own have some.
SERVED_HERE = r"(^|[-./:])(kokoro|piper|xtts|bark|musicgen|colbert[a-z]*|splade|rmbg|silero)($|[-.\d:])"


def kind_of(internal_name: str) -> str | None:
    """The kind of model that a name speaks of, one of `KINDS`; None where it says nothing of the kind."""
    text = internal_name[:200].lower().replace("_", "-")
    return next((kind for kind, words in _CALLED.items() if re.search(words, text)), None)


def plain_name(internal_name: str) -> str:
    """The name of a model of such a kind, whoever serves it: its last part, in lower case.

    Nothing that may tell weights apart is taken off: vectors of two models cannot be compared.
    """
    text = internal_name.strip().lower().rstrip("/").rpartition("/")[2].removesuffix(":latest").removesuffix(".gguf")
    return re.sub(r"[\s_:]+", "-", text)
