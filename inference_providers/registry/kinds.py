"""Patterns of names whose models are for something else than text: embeddings, images, speech. Pure."""

from __future__ import annotations

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
