"""Canonical names: one short name for a model, whoever serves it.

`derive()` works from spelling alone; `Names` first looks a name up in what the
registry knows and derives only the rest. Both are pure.

The law behind every rule here: a missed pair costs a candidate, a wrong merge
sends people to a model that they did not ask for. When unsure, two names.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LONGEST_NAME = 200  # characters; the longest real internal name has 83

# Patterns stay text until first used: compiling them all would take longer than reading the registry.
Rule = tuple[str, "str | Callable[[re.Match[str]], str]"]


def _rules(*pairs: Rule) -> tuple[Rule, ...]:
    return pairs


# What is not a text model, or not a particular model.
_NOT_A_MODEL = (
    r"(^|[-./:])(embed|embedding|embeddings|rerank|reranker|whisper|tts|stt|asr|dall-e|flux|veo|veo3\.1|sora"
    r"|imagen|imagine|ideogram|recraft|seedance|seedream|kling|runway|lyria|hailuo|wan2\.?\d?|"
    r"stable-diffusion|stablediffusionxl|sdxl|ray2|elevenlabs|gpt-image|qwen-image|transcribe|livetranslate|"
    r"bge|gte|e5|voyage|nomic|minilm|moderation|paligemma|nv-embed|embedcode|smart-turn|clip|"
    r"all-mini|voice|nemoretriever|segment-anything|esmfold|esm2|orpheus|melotts|lucid-origin|lucid-realism|dreamshaper)"
    r"($|[-.\d])|^(nano-banana|wan-v|topazlabs)|"
    r"^(auto|router|model-router|coding-router|openrouter-auto|custom|default|free|cheap|auto-(model|code|instant|beta).*)$"
)

_LABS = (
    "anthropic|amazon|meta|mistral|deepseek|cohere|ai21|qwen|openai|google|xai|zai|moonshotai|moonshot|minimax"
    "|nvidia|writer|twelvelabs|system\\.ai"
)
# Resellers, labs and regions written in front of the model's own name.
_PREFIXES = _rules(
    (r"^(us-gov|us|eu|apac|au|jp|ca|in|global)\.(?=[a-z0-9]+\.)", ""),
    (r"^deepseek\.(?=[rv]\d)", "deepseek-"),
    (rf"^({_LABS})\.(?=[a-z])", ""),
    (r"^(databricks|azure|groq|cerebras|fw|alicloud|openai|labs|cc|coding|umans|tee|hf|novita)-+"
     r"(?=(meta-)?(claude|gpt|chatgpt|o[134](-|$)|llama|qwen|gemini|gemma|glm|kimi|minimax|mimo|xiaomi|deepseek|nemotron|grok"
     r"|inkling|devstral|leanstral|mistral|phi|command))", ""),
    (r"^duo-chat-(?=(haiku|opus|sonnet)-)", "claude-"),
    (r"^duo-chat-", ""),
    (r"^anthropic-+", ""),
    (r"^(deep|alibaba|cohere|google|zai-org|z-ai|zai|xiaomi|nvidia|meta|moonshot|moonshotai|ai21|arcee|aion-labs|sakana"
     r"|xpersona|gemini|perplexity|minimax-ai|mistralai|openai)-(?=(deepseek|qwen|command|gemma|glm|mimo|nemotron|llama|kimi"
     r"|jamba|trinity|aion|namazu|gpt|sonar|minimax|mistral)[-\d.])", ""),
    (r"^meta-textgeneration-(llama-2-\d+b)(-b)?-f$", r"\1"),
    (r"^stepfun-(?=\d)", "step-"),
    (r"^open-(?=mi[sx]tral)", ""),
    (r"^(meta-)?(llama)-?v(?=\d)", "llama-"),
)  # fmt: skip

# One spelling for separators, versions and families.
_SPELLING = _rules(
    (r"(?<=\d)p(?=\d)", "."),
    (r"(?<=\d)_(?=\d)", "."),
    (r"_", "-"),
    (r"-{2,}", "-"),
    # families
    (r"^llama-?(\d)", r"llama-\1"),
    (r"^l(\d)(?:\.?(\d))?-(?=\d+b|[a-z])", lambda m: f"l{m[1]}.{m[2]}-" if m[2] else f"l{m[1]}-"),
    (r"^code-?llama-", "codellama-"),
    (r"^codellama-(\d+b)-python", r"codellama-python-\1"),
    (r"^phind-code-?llama-34b-v2$", "phind-34b"),
    (r"^wizardcoder-python-34b.*", "wizard-python-34b"),
    (r"^gemma-?(\d)", r"gemma-\1"),
    (r"^qwen-v?(\d)(?=[.-]|$)", r"qwen\1"),
    (r"^qwen-(?=vl-(max|plus)|max|plus|turbo|flash|long|coder|image|mt|omni|doc|math)", "qwen-"),
    (r"^qwen(\d)(\d)(?=-)", r"qwen\1.\2"),
    (r"^gpt-?(\d)(\d)(?=-|$)", r"gpt-\1.\2"),
    (r"^gpt-?4-o(?=-|$)", "gpt-4o"),
    (r"^gpt(?=\d)", "gpt-"),
    (r"^gpt-oss[:-]", "gpt-oss-"),
    (r"^minimax-m(\d)(\d)(?=-|$)", r"minimax-m\1.\2"),
    (r"^mistral-small-?(\d)(\d)(?=-\d+b)", r"mistral-small-\1.\2"),
    (r"^mistral-(large|small|medium)-?(?=\d)", r"mistral-\1-"),
    (r"^claude-(opus|sonnet|haiku|fable|mythos)-?(?=\d)", r"claude-\1-"),
    (r"(?<=qwen-)(\d)-(\d)b$", r"\1.\2b"),
    (r"^deepseek-chat-(?=v\d)", "deepseek-"),
    (r"^deepseek-(?=\d)", "deepseek-v"),
    (r"^deepseek-v(\d)-chat$", r"deepseek-v\1"),
    (r"^mimo-(?=\d)", "mimo-v"),
    (r"^hermes(\d)-", r"hermes-\1-"),
    (r"^nemotron-(nano|super|ultra|lightning)-(3(?:[.-]5)?)-(?=\d+b)", r"nemotron-\2-\1-"),
    (r"^nemotron-nano-v2-12b-vl", "nemotron-nano-12b-v2-vl"),
    (r"^cogito-(\d+b)-v(\d)-p(\d)", r"cogito-v\2.\3-\1"),
    (r"^cogito-v?(\d)[.-](\d)-", r"cogito-v\1.\2-"),
    (r"^solar-pro-?(?=\d)", "solar-pro-"),
    (r"^k(?=[23](\.\d)?(-|$))(?!2-think)", "kimi-k"),
    (r"^lfm-?(?=\d)", "lfm-"),
    (r"^ring-|^ling-", lambda m: m[0]),
    (r"^dolphin-?(?=\d)", "dolphin-"),
    (r"^doubao-(?=seed)", ""),
    (r"^grok-code-fast(-1)?(-0825)?$", "grok-code-fast-1"),
    (r"^jamba-(\d\.\d)-(large|mini)", r"jamba-\2-\1"),
)  # fmt: skip

# `8-bit`, `fp8`, `q4_k_m`, and how a host serves the same weights.
_QUANTISATION = (
    r"(mxfp4?|nvfp4|fp4|fp8|fp16|bf16|f16|f32|int4|int8|int4-mixed-ar|awq|gptq|gguf|ggml|mlx|exl2|exl3|\d-?bit|dwq"
    r"|i?q\d([._-](\d|k|xs|xxs|s|m|l|nl))*|fp8-dynamic|mixed|dynamic|w4a16|w8a8|marlin)"
)
_SERVING = (
    r"(maas|tee|versatile|tput|high-throughput|throughput|cs|cloud|spot|free|batch|flex|original|default"
    r"|cheaper|gv2|customtools|hf|lora|online|serverless|highspeed|ultrafast|ultraspeed|short|raw|basic|paddle|external)"
)
_TUNED = r"(instruct|chat|it|hf|pt)"
_CLOSED = r"^(gpt|o\d|chatgpt|ft-|claude|gemini|grok|longcat-flash)(?!-oss)"
_MOVING = r"^(mistral|codestral|devstral|magistral|ministral|pixtral|voxtral|qwen|kimi-for|o\d|hunyuan)|\d"
_SUFFIX = rf"-({_QUANTISATION}|{_SERVING})$"
_OPEN_TURBO = r"^(llama|qwen\d|gpt-oss|deepseek|kimi|minimax|gemma|nemotron|mimo|glm-\d)"
_EFFORT = r"^(gpt-\d|o\d|claude|gemini-\d|grok).*-(low|medium|high|xhigh)$"

_DATES = _rules(
    (r"^claude-(3[.-]5-sonnet-20240620|sonnet-3[.-]5-june)$", "claude-3.5-sonnet-june"),  # other weights than October's
    (r"-(20\d\d)-?(0[1-9]|1[0-2])-?([0-2]\d|3[01])(?=-|$)", ""),
    (r"(?<=[a-z\d])-(2[3-9])(0[1-9]|1[0-2])([0-2]\d|3[01])(?=-|$)", ""),
    (r"^(deep-research[a-z-]*|gemini-\d[a-z0-9.-]*computer-use-preview)-(\d\d)-(20\d\d)$", r"\1"),
    (r"^(grok-[a-z0-9.-]*?)-0[1-9][0-3]\d(?=-|$)", r"\1"),
    (r"^(gpt-(?:3\.5|4)[a-z-]*?)-(0\d|1[0-2])[0-3]\d(?=-|$)", r"\1"),
    (r"^(gemini-[\d.]+[a-z-]*?)-00\d$", r"\1"),
    (r"^(qwen3\.5-\w+)-\d\d-\d\d$", r"\1"),
)  # fmt: skip

# Versions written with dashes, after dates are gone: `claude-opus-4-8`, `qwen3-5-35b`.
_DASHED = r"(?<![\d.])(\d)-(\d{1,2})(?=-|$)"
_OLD_CLAUDE = r"^claude-(opus|sonnet|haiku)-([123](?:\.\d)?)(?=-|$)"
_NEW_CLAUDE = r"^claude-(\d+(?:\.\d)?)-(opus|sonnet|haiku|fable|mythos)(?=-|$)"


def _bare(name: str) -> str:
    """The model's own segment of a path, file name or tagged name, in lower case."""
    text = name.strip().strip("'\"").lower().replace("\\", "/").rstrip("/")
    text = re.sub(r"/(community|fast|default)$", "", text)
    text = re.sub(r"\.(gguf|safetensors|bin)$", "", text.rsplit("/", 1)[-1])
    text = re.sub(r"-\d{5}-of-\d{5}$", "", text)
    text = re.sub(r"-v\d:\d[a-z0-9:]*$|-\d:0$", "", text)
    text = re.sub(r":(latest|free|batch|cloud|default|nitro|floor|extended|online|exacto|web)$", "", text)
    text = re.sub(r"(thinking|reasoning):(\d+|low|medium|high|max|minimal)$", r"\1", text)
    return re.sub(r"[@:\s+]+", "-", text).strip("-. ")


def _apply(rules: Iterable[Rule], text: str) -> str:
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


def _peel(text: str) -> str:
    """Drop serving, quantisation and tuning suffixes until none is left."""
    while True:
        before = text
        text = re.sub(_SUFFIX, "", text)
        if text.endswith("-latest") and re.search(_MOVING, text[:-7]):
            text = text[:-7]
        if not re.match(_CLOSED, text):
            text = re.sub(rf"-{_TUNED}(?=-|$)", "", text)
        if re.match(_OPEN_TURBO, text):
            text = re.sub(r"(?<!v)-(turbo|fast|lightning|ultra|us|lite)$", _served_faster, text)
        elif re.match(r"^(claude|gpt-[56]|gpt-4\.1|gpt-4o)", text):
            text = re.sub(r"-fast$", "", text)
        if re.match(_EFFORT, text):
            text = text.rpartition("-")[0]
        if text == before:
            return text


def _served_faster(match: re.Match[str]) -> str:
    """`-turbo` behind a size or a version is how it is served; `glm-5-turbo`, `qwen-turbo` are models."""
    head = match.string[: match.start()]
    word = match[1]
    if word == "us":
        return ""
    if re.search(r"\d+(\.\d+)?[bt]$|-a\d+(\.\d+)?b$|-instruct|-\d{4}$|-vl$|-thinking$", head):
        return ""
    versioned = re.search(
        r"(kimi-k\d(\.\d)?(-code)?|deepseek-[rv]\d(\.\d)?(-flash|-pro)?|minimax-m\d(\.\d)?|glm-\d(\.\d)?)$", head
    )
    if word in ("turbo", "fast", "lightning") and versioned and not re.match(r"^(glm-5|kimi-k2)$", head):
        return "" if not (word == "turbo" and head.startswith("glm-5")) else match[0]
    return match[0]


def _versions(text: str) -> str:
    text = re.sub(_DASHED, lambda m: f"{m[1]}.{m[2]}" if m[2] != "0" else m[1], text)
    text = re.sub(_OLD_CLAUDE, r"claude-\2-\1", text)
    text = re.sub(_NEW_CLAUDE, lambda m: m[0] if m[1][0] in "123" else f"claude-{m[2]}-{m[1]}", text)
    text = re.sub(r"^(claude-[a-z]+-\d|claude-\d)\.0(?=-|$)", r"\1", text)
    return re.sub(r"^((?:gemini|gemma|mistral-large|seed|doubao)-[3-9])\.0(?=-|$)", r"\1", text)


_LAST = _rules(
    (r"-think$", "-thinking"),
    (r"-original(?=-)", ""),
    (r"(?<=\db)-(instant|long)$", ""),
    (r"-v1(\.0)?$", ""),
    (r"^gpt-3\.5(-turbo)?(-16k)?$", "gpt-3.5"),
    (r"^gpt-4-(32k|classic)$", "gpt-4"),
    (r"^gpt-4-turbo(-preview|-vision|-vision-preview)?$|^gpt-4-(preview)$", "gpt-4-turbo"),
    (r"^(gemini-[3-9][a-z0-9.-]*|gemini-2\.5-(?:pro|flash))-preview(?=-thinking|$)", r"\1"),
    (r"^(gpt-4o(?:-mini)?-search)-preview$", r"\1"),
    (r"^llama-(\d[\d.]*-\d+b)-vision$", r"llama-\1"),
    (r"^llama-4-(maverick|scout)-17b(-\d+e)?$", r"llama-4-\1"),
    (r"^(mixtral-8x\d+b)-v0\.1$", r"\1"),
    (r"^mistral-7b-v?(?:0\.?)?([123])$", r"mistral-7b-v0.\1"),
    (r"^(grok-[\d.]+(?:-multi-agent)?)(?:-experimental)?-beta(?:-latest)?(?=-|$)", r"\1"),
    (r"^(grok-[\d.]+-(?:non-)?reasoning)-(beta|latest)$", r"\1"),
    (r"^kimi-k2-0711(-preview)?$", "kimi-k2"),
    (r"^(kimi-k2-(?:0905|turbo))-preview$", r"\1"),
    (r"^kimi-k2-1t$", "kimi-k2"),
    (r"(?<=\db)-(\d+k(-rope)?|4096|8192|32768|131072)$", ""),
    (r"^(grok-3(?:-mini)?)-fast$", r"\1"),
    (r"-non-thinking$|-nothink(ing)?$", ""),
    (r"^deepseek-([rv]\d[\d.]*)-671b$", r"deepseek-\1"),
    (r"^(phi-3-\w+)-(4k|8k|128k)$", r"\1"),
    (r"^(moonshot-v1-\w+)-vision-preview$", r"\1-vision"),
    (r"^(claude-\d(?:\.\d)?-\w+)-v2$", r"\1"),
    (r"^claude-v?(\d)-(\d)$|^claude-v(\d)$", lambda m: f"claude-{m[1]}.{m[2]}" if m[1] else f"claude-{m[3]}"),
    (r"^(nova-\w+|nova-2-\w+)-v1$", r"\1"),
)  # fmt: skip


def derive(internal_name: str) -> str | None:
    """The canonical name that the spelling of *internal_name* suggests.

    Returns None for an empty or absurdly long name, for what is not a text
    model (embeddings, images, speech) and for what is not a particular model
    (`auto`, `router`). Pure: no registry, no I/O. Never raises.
    """
    if not internal_name or len(internal_name) > LONGEST_NAME:
        return None
    text = _bare(internal_name)
    if not re.search(r"[a-z]", text):
        return None
    for _ in range(2):  # `us.anthropic.` before `claude-`; `databricks-` before `meta-llama-`
        text = _apply(_PREFIXES, text)
    if re.search(_NOT_A_MODEL, text.replace("_", "-")):
        return None
    text = _apply(_DATES, _apply(_SPELLING, text))
    text = _peel(_versions(_peel(text)))
    return _peel(_apply(_LAST, text)) or None


def loose(name: str) -> str:
    """A key under which case, dots, dashes, underscores and blanks are alike."""
    return re.sub(r"[\s._-]+", "-", name.strip().lower()).strip("-")


def short(canonical_name: str) -> str:
    """Without the number of active parameters: `qwen3-235b-a22b` gives `qwen3-235b`."""
    return re.sub(r"-a\d+(\.\d+)?b(?=-|$)", "", canonical_name)


class Names:
    """What a registry knows of names: lookups first, spelling for the rest."""

    def __init__(self, known: Mapping[str, str], canonical_names: Iterable[str]) -> None:
        """*known* maps internal names, in lower case, to canonical names."""
        self._known = known
        self._short: dict[str, str | None] = {}
        for name in canonical_names:
            key = short(name)
            if key != name:
                self._short[key] = None if key in self._short else name

    def canonical_name(self, internal_name: str) -> str | None:
        """The canonical name of *internal_name*, or None if it names no text model."""
        rest = internal_name.strip().lower()
        while rest:
            if rest in self._known:
                return self._known[rest]
            rest = rest.partition("/")[2]
        return self.complete(derive(internal_name))

    def complete(self, derived: str | None) -> str | None:
        """Add the active parameters where exactly one known name has them."""
        if derived is None:
            return None
        known = self._known.get(derived, derived)
        return self._short.get(known) or known
