"""Canonical names: one short name for a model, whoever serves it.

`derive()` works from spelling alone; `Names` first looks a name up in what the
registry knows and derives only the rest. Both are pure.

The law behind every rule here: a missed pair costs a candidate, a wrong merge
sends people to a model that they did not ask for. When unsure, two names.
"""

from __future__ import annotations

import re
from functools import lru_cache

from inference_providers.registry.kinds import OTHER_KINDS, SERVED_HERE
from inference_providers.registry.ollama_tags import model_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

LONGEST_NAME = 200  # characters; the longest real internal name has 83

# Patterns stay text until first used: compiling them all would take longer than reading the registry.
Rule = tuple[str, "str | Callable[[re.Match[str]], str]"]


class _Rules:
    """Patterns with what takes their place, each compiled once: a catalogue has thousands of names."""

    def __init__(self, *pairs: Rule) -> None:
        self.pairs = pairs
        self._compiled: list[tuple[Callable[..., str], Any]] = []

    def apply(self, text: str) -> str:
        if not self._compiled:
            self._compiled = [(re.compile(pattern).sub, replacement) for pattern, replacement in self.pairs]
        for substitute, replacement in self._compiled:
            text = substitute(replacement, text)
        return text


# What is no particular model: a file without a name, a class of models, whatever somebody picks for the question.
_ANY = (
    r"^(auto|openrouter-auto|custom|default|free|auto-(model|code|instant|beta).*|model|latest|(ggml|gguf|my|your)-model"
    r"|tiny|mini|small|medium|large|balanced|frontier|fast|fastest|smart|smartest|best|cheap|cheapest"
    r"|(text|code|agent)-(max|prime|standard)|(perplexity-)?(fast|pro|deep|advanced-deep)-(search|research)|deep-research(-.*)?"
    r"|fusion|route-llm|firerouter|bodybuilder|moonshot-v1-auto|efficient|trustedrouter|standardcompute"
    r"|chat|classify|extract|summarize|query|compress|decisions|precise|container|search|(code|vision|reasoning|text)(-(tiny|small|medium|large|fast))?"
    r"|fusion-(mini|flash)|(fireworks|together)-ai(-.*\d+(\.\d+)?[bm])?|lynkr-auto|nano-gpt-help)$|(^|-)router(-(low|medium|high|max))?$"
)
# What the path tells: a picker of somebody's, a speech model that is called like a text model of another's.
_ELSEWHERE = r"(^|/)(deepgram|kilo-auto|preset)/|/routers/[a-z-]+-latest$"
# `gemini-flash-latest` is another model each month. `-latest` behind a version is the version's newest release.
_NEWEST = r"^[a-z-]+-latest$"
_NEWEST_OF_ALL = r"^(mistral|qwen|hunyuan)-latest$"

_LABS = (
    "anthropic|amazon|meta|mistral|deepseek|cohere|ai21|qwen|openai|google|xai|zai|moonshotai|moonshot|minimax"
    "|nvidia|writer|twelvelabs|system\\.ai"
)
# Organisations that those who quantise weights put before a file's name: `google_gemma-3-27b-it-Q4_K_M.gguf`.
_UPLOADERS = (
    "google|qwen(?!_(coder|max|plus|turbo|flash|long|vl|math|omni|image|mt|doc|deep[-_]))|meta-llama|microsoft|mistralai|nvidia|deepseek-ai|openai|zai-org|thudm|moonshotai|minimaxai|baidu|tencent"
    "|ibm-granite|nousresearch|thedrummer|allenai|liquidai|huggingfacetb|cohereforai|coherelabs|bytedance-seed|arcee-ai"
    "|servicenow-ai|lgai-exaone|tiiuae|ai21labs|stepfun-ai|xiaomimimo|inclusionai|cognitivecomputations|unsloth|bartowski"
)
# Resellers, labs and regions written in front of the model's own name.
_PREFIXES = _Rules(
    (r"^(us-gov|us|eu|apac|au|jp|ca|in|global)\.(?=[a-z0-9]+\.)", ""),
    (r"^deepseek\.(?=[rv]\d)", "deepseek-"),
    (rf"^({_LABS})\.(?=[a-z])", ""),
    (r"^(databricks|bedrock|vertex|aws|gcp|fireworks|together|sambanova|deepinfra|nebius|azure|groq|cerebras|fw|alicloud|openai|labs|cc|coding|umans|tee|hf|novita|spot|snowflake|amazon|dola)[-_]+"
     r"(?=(meta-)?(claude|gpt|chatgpt|o[134](-|$)|llama|qwen|gemini|gemma|glm|kimi|minimax|mimo|xiaomi|deepseek|nemotron|grok"
     r"|inkling|devstral|leanstral|mistral|phi|command|nova[-_](lite|micro|pro|premier|2)|seed[-_]\d))", ""),
    (rf"^({_UPLOADERS})_(?=[a-z])", ""),
    (r"^duo-chat-(?=(haiku|opus|sonnet|fable)-)", "claude-"),
    (r"^duo-chat-", ""),
    (r"^c4ai[-_](?=command|aya)|^quantized-", ""),
    (r"^anthropic-+", ""),
    (r"^(deep|alibaba|cohere|google|zai-org|z-ai|zai|xiaomi|nvidia|meta|moonshot|moonshotai|ai21|arcee|aion-labs|sakana"
     r"|xpersona|gemini|perplexity|minimax-ai|mistralai|openai)-+(?=(deepseek|qwen|command|gemini|gemma|glm|mimo|nemotron|llama|kimi"
     r"|jamba|trinity|aion|namazu|gpt|sonar|minimax|mistral)([-\d.]|$))", ""),
    (r"^meta-textgeneration-(llama-2-\d+b)(-b)?-f$", r"\1"),
    (r"^stepfun-(?=\d)", "step-"),
    (r"^open-(?=mi[sx]tral)", ""),
    (r"^(meta-)?(llama)-?v(?=\d)", "llama-"),
)  # fmt: skip

# One spelling for separators, versions and families.
_SPELLING = _Rules(
    (r"\.(?=(i1-)?(i?q\d|tq\d|b?f16|fp16|f32|imatrix|ud-|mxfp\d|quantized|w\da\d+|gguf|ggml(v\d)?)([._-]|$)|i1-)", "-"),
    (r"(?<=\d)p(?=\d)", "."),
    (r"(?<=\d)_(?=\d+b([._-]|$))", "-"),  # before a size; between other digits it is a version's
    (r"(?<=\d)_(?=\d)", "."),
    (r"_", "-"),
    (r"-{2,}", "-"),
    # families
    (r"^(claude|glm|gemini|grok|phi|granite|olmo|falcon|ernie|exaone|internlm|mimo)(?=\d)", r"\1-"),
    (r"^(kimi(?=k\d)|minimax(?=m\d)|deepseek(?=[rv]\d))", r"\1-"),
    (r"^(kimi-k|mimo-v|deepseek-v)(\d)(\d)(?=-|$)", r"\1\2.\3"),
    (r"^glm-(\d)-(\d)(?=v-|v$)", r"glm-\1.\2"),
    (r"^glm-([45])(\d)(?=-|$)", r"glm-\1.\2"),
    (r"^gemini-([123])([05])(?=-)", r"gemini-\1.\2"),
    (r"^gemini-(flash|pro)-(\d\.\d)(?=-|$)", r"gemini-\2-\1"),
    (r"^(qwen[\d.]+)(?=(vl|omni|coder|math)(-|$))", r"\1-"),
    (r"^(granite-[\d.]+)-dense(?=-|$)", r"\1"),
    (r"^llama-?([34])(\d)(?=-\d+b)", r"llama-\1.\2"),
    (r"^llama-?(\d)", r"llama-\1"),
    (r"^l(\d)(?:\.?(\d))?-(?=\d+b|[a-z])", lambda m: f"l{m[1]}.{m[2]}-" if m[2] else f"l{m[1]}-"),
    (r"^code-?llama-", "codellama-"),
    (r"^codellama-(\d+b)-python", r"codellama-python-\1"),
    (r"^phind-code-?llama-34b-v2$", "phind-34b"),
    (r"^wizardcoder-python-34b.*", "wizard-python-34b"),
    (r"^gemma-?(\d)", r"gemma-\1"),
    (r"^qwen-v?(\d)(?=[.-]|$)", r"qwen\1"),
    (r"^qwen(\d)(\d)(?=-)", r"qwen\1.\2"),
    (r"^gpt-?(\d)(\d)(?=-|$)", r"gpt-\1.\2"),
    (r"^gpt-?4-o(?=-|$)", "gpt-4o"),
    (r"^gpt(?=\d)", "gpt-"),
    (r"^o([134])(?=(mini|preview|pro)(-|$))", r"o\1-"),
    (r"^gpt-oss[:-]", "gpt-oss-"),
    (r"^minimax-m(\d)(\d)(?=-|$)", r"minimax-m\1.\2"),
    (r"^(minimax-m\d(?:[.-]\d)?)-lightning$", r"\1-highspeed"),  # its name before
    (r"-(\d)-(\d)t-(?=a\d)", r"-\1.\2t-"),
    (r"^qwen-?(\d)-(\d)-(?=\d\.\dt-)", r"qwen\1.\2-"),
    (r"^nova-(lite|micro|pro|premier)-2(?:-0)?$", r"nova-2-\1"),
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
    (r"^solar-(pro|mini)-?(?=\d)", r"solar-\1-"),
    (r"^k(?=[23](\.\d)?(-|$))(?!2-think)", "kimi-k"),
    (r"^(dolphin|lfm|mixtral|wizardlm)-?(?=\d)", r"\1-"),
    (r"^doubao-(?=seed)", ""),
    (r"^grok-code-fast(-1)?(-0825)?$", "grok-code-fast-1"),
    (r"^jamba-(\d\.\d)-(large|mini)", r"jamba-\2-\1"),
)  # fmt: skip

# `-highspeed` is no serving word: makers sell the same weights faster under a name and at a price of their own.
# `8-bit`, `fp8`, `q4_k_m`, and how a host serves the same weights.
_QUANTISATION = (
    r"(mxfp\d?(-moe)?|nvfp4(a16)?|fp4|fp8|fp8-(dynamic|static|block|kv)|fp16|bf16|f16|f32|int4|int8|int4-mixed-ar|autoround|awq"
    r"|gptq|gguf|ggml(v\d)?|mlx|mlc|onnx|openvino|(int[48]|fp16)-ov|exl2|exl3|\d(\.\d+)?bpw|\d-?bit(-\d+g|-gs\d+)?|dwq(-\d{4})?|qat|bnb|unsloth|hqq|ud|i1|imatrix"
    r"|(i?q|tq)\d([._-](\d|k|xs|xxs|s|m|l|xl|nl))*|q\df\d\d([.-]\d)?|mixed|dynamic|quantized|w\da\d+|marlin)"
)
_SERVING = (
    r"(maas|tee|versatile|tput|high-throughput|throughput|cs|cloud|spot|free|batch|flex|original|default|official"
    r"|cheaper|gv2|hf|lora|mtp|online|serverless|ultrafast|short|raw|basic|paddle|external|nitro)"
)
# Where it is served, and by whom.
_REGION = r"(us|eu|uk|apac|emea|global|[a-z]{2}-(north|south|east|west|central)[a-z]*-?\d)"
SERVICES = "bedrock|vertex|azure|aws|gcp|fireworks|fw|together|groq|cerebras|sambanova|deepinfra|novita|nebius|baseten"
_PLACE = rf"({_REGION}|{SERVICES})"
_TUNED = r"(instruct|chat|it|hf|pt)"
_CLOSED = r"^(gpt|o\d|chatgpt|ft-|claude|gemini|grok|longcat-flash)(?!-oss)"
_MOVING = r"^(mistral|codestral|devstral|magistral|ministral|pixtral|voxtral|qwen|kimi-for|o\d|hunyuan)|\d"
_SUFFIX = rf"-({_QUANTISATION}|{_SERVING}|{_PLACE})$"
_OPEN_TURBO = r"^(llama|qwen\d|gpt-oss|deepseek|kimi|minimax|gemma|nemotron|mimo|glm-\d)"
_EFFORT = r"^(gpt-\d|o\d|claude|gemini-\d|grok).*-(minimal|low|medium|high|xhigh)$"
# Models that think or not, as they are asked to: the word is a switch. Others are weights of their own
# (`kimi-k2-thinking`, `qwen3-4b-thinking-2507`), and keep it. So is `-pro` behind the names of stars and planets.
_SWITCHED = (
    r"^(claude-\d|claude-[a-z]+-\d|gemini-(2\.5|[3-9])|gpt-[5-9]|glm-(4\.[5-9]|[5-9])|deepseek-v(3\.[1-9]|[4-9])|qwen3\.[5-9]|qwen[4-9]"
    r"|minimax-m\d|kimi-k(2\.[5-9]|[3-9])|mimo-v\d|gemma-[4-9]|nemotron-[3-9]|step-\d|inkling|longcat|hermes-[4-9]"
    r"|mistral-(small|medium|large)-[4-9]).*(?<!-no)(?<!-non)-think(ing)?$"
    r"|^gpt-[5-9][\d.]*-(sol|terra|luna|astra)-pro$"
)

_DATES = _Rules(
    (r"^claude-(3[.-]5-sonnet-20240620|sonnet-3[.-]5-june)$", "claude-3.5-sonnet-june"),  # other weights than October's
    (r"^(deepseek-[a-z0-9.-]*?)-ga-2\d((?:0[1-9]|1[0-2])(?:[0-2]\d|3[01]))$", r"\1-\2"),  # by the day of its release
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


def _segment(name: str) -> str:
    """The model's own segment of a path, file name or tagged name, in lower case."""
    text = name.strip().strip("'\"").lower().replace("\\", "/").rstrip("/")
    text = re.sub(r"(/[^/]+)/(community|fast|default)$", r"\1", text).rsplit("/", 1)[-1]
    text = re.sub(r"^models--.*--", "", text)
    return re.sub(r"\.(gguf|ggml|llamafile|safetensors|bin)$", "", text)


def _bare(segment: str) -> str:
    """A segment without what a file's name, a tag or Bedrock adds to the model's."""
    if tagged := model_of(segment):
        return tagged
    text = re.sub(r"(-split)?-\d{5}-of-\d{5}$", "", segment)
    text = re.sub(rf"@{_REGION}$", "", text)
    text = re.sub(r"^(mistral\..*-v0):(?=\d$)", r"\1.", text)
    text = re.sub(r"-v\d:0(:(\d+k|mm))?$|-\d:0$", "", text)
    text = re.sub(
        r":(latest|free|batch|cloud|default|official|nitro|floor|extended|online|exacto|web|fast|priority)$", "", text
    )
    text = re.sub(r":(thinking|reasoning)(:(\d+|low|medium|high|max|minimal))?$|:peft(:\d+)?$", "", text)
    text = re.sub(r"\+(?=[\s:@-]|$)", "-plus", text)  # Command R+
    return re.sub(r"[@:\s+]+", "-", text).strip("-. ")


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
            text = re.sub(r"(?<!v)-(turbo|fast|lightning|ultra|lite)$", _served_faster, text)
        elif re.match(r"^(claude|gpt-[5-9]|gpt-4\.1|gpt-4o|o\d)", text):
            text = re.sub(r"-fast$", "", text)
        if re.match(_EFFORT, text) or re.search(_SWITCHED, text):
            text = text.rpartition("-")[0]
        if text == before:
            return text


def _served_faster(match: re.Match[str]) -> str:
    """`-turbo` behind a size or a version is how it is served; `glm-5-turbo`, `qwen-turbo` are models."""
    head = match.string[: match.start()]
    word = match[1]
    if head == "kimi-k2-thinking":  # its maker's
        return match[0]
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


_LAST = _Rules(
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
    (r"-non?-?think(ing)?$", ""),
    (r"^deepseek-([rv]\d[\d.]*|coder-v2)-(671b|685b|236b)$", r"deepseek-\1"),
    (r"^deepseek-(coder-v2|v2)-16b(-lite)?$", r"deepseek-\1-lite"),
    (r"^deepseek-r1-(1\.5b|7b|14b|32b)(-qwen)?(-distill)?$", r"deepseek-r1-distill-qwen-\1"),
    (r"^deepseek-(r1|llama3\.3)-70b(-llama)?(-distill)?$", "deepseek-r1-distill-llama-70b"),
    (r"^deepseek-r1-8b-llama(-distill)?$", "deepseek-r1-distill-llama-8b"),
    (r"^deepseek-r1-8b-0528-qwen3$", "deepseek-r1-0528-qwen3-8b"),
    (r"^(phi-4[a-z-]*|phi-3\.5-mini)-(14b|3\.8b)$", r"\1"),
    (r"^phi-(3(?:\.5)?)-3\.8b$", r"phi-\1-mini"),
    (r"^phi-3-14b$", "phi-3-medium"),
    (r"^(command-r)-35b$|^(command-r-plus)-104b$|^(codestral)-22b(-v0\.1)?$", lambda m: m[1] or m[2] or m[3]),
    (r"^(magistral|devstral)-24b$", r"\1-small"),
    (r"^llama-3\.2-vision-(\d+b)$", r"llama-3.2-\1"),
    (r"^command-a-111b$", "command-a"),
    (r"^zephyr-7b$", "zephyr-7b-beta"),
    (r"^(qwen3-(?:4b|30b|30b-a3b)-thinking)$", r"\1-2507"),
    (r"^llama-4-16x17b$", "llama-4-scout"),
    (r"^llama-4-128x17b$", "llama-4-maverick"),
    (r"^granite-4(?=-h-)", "granite-4.0"),
    (r"^(phi-3-\w+)-(4k|8k|128k)$", r"\1"),
    (r"^(moonshot-v1-\w+)-vision-preview$", r"\1-vision"),
    (r"^(claude-\d(?:\.\d)?-\w+)-v2$", r"\1"),
    (r"^claude-v?(\d)-(\d)$|^claude-v(\d)$", lambda m: f"claude-{m[1]}.{m[2]}" if m[1] else f"claude-{m[3]}"),
    (r"^(nova-\w+|nova-2-\w+)-v?1$", r"\1"),
    (r"^(glm-5(?:\.\d)?|deepseek-v4[a-z0-9.-]*|hy\d)-\d{3}b$", r"\1"),
)  # fmt: skip


def is_text_model(internal_name: str) -> bool:
    """Whether a name does not say that its model is for something else: embeddings, images, speech; most do not."""
    text = _without_prefixes(internal_name[:LONGEST_NAME]).replace("_", "-")
    return not re.search(OTHER_KINDS, text) and not re.search(SERVED_HERE, text)


def _without_prefixes(internal_name: str) -> str:
    text = _bare(_segment(internal_name))
    for _ in range(2):  # `us.anthropic.` before `claude-`; `databricks-` before `meta-llama-`
        text = _PREFIXES.apply(text)
    return text


@lru_cache(maxsize=16384)
def derive(internal_name: str) -> str | None:
    """The canonical name that the spelling of *internal_name* suggests.

    Returns None for an empty or absurdly long name, for what is not a text
    model (embeddings, images, speech) and for what is not a particular model
    (`auto`, `router`). Pure: no registry, no I/O. Never raises.
    """
    if not internal_name or len(internal_name) > LONGEST_NAME:
        return None
    if re.search(_ELSEWHERE, internal_name.lower()):
        return None
    return _derived(_without_prefixes(internal_name))


@lru_cache(maxsize=16384)
def _derived(text: str) -> str | None:
    """The canonical name behind what is left of a name without prefixes; many providers' names leave the same."""
    if not re.search(r"[a-z]", text) or re.search(OTHER_KINDS, text.replace("_", "-")):
        return None
    text = _DATES.apply(_SPELLING.apply(text))
    if re.search(_NEWEST_OF_ALL, text):
        return None
    text = _peel(_versions(_peel(text)))
    text = _peel(_LAST.apply(text))
    return None if not text or re.search(_ANY, text) or re.search(_NEWEST, text) else text


def loose(name: str) -> str:
    """A key under which case, dots, dashes, underscores and blanks are alike."""
    return re.sub(r"[\s._-]+", "-", name.strip().lower()).strip("-")


def short(canonical_name: str) -> str:
    """Without the number of active parameters: `qwen3-235b-a22b` gives `qwen3-235b`."""
    return re.sub(r"-a\d+(\.\d+)?b(?=-|$)", "", canonical_name)


def _plain(canonical_name: str) -> str:
    """What all spellings of a name have in common: no active parameters, and no `.0` (`seed-2.0-lite`)."""
    return short(re.sub(r"(?<=\d)\.0(?=-|$)", "", canonical_name))


class Names:
    """What a registry knows of names: lookups first, spelling for the rest."""

    def __init__(self, known: Mapping[str, str], canonical_names: Iterable[str]) -> None:
        """*known* maps internal names, in lower case, to canonical names."""
        self._known = known
        self._canonical = frozenset(canonical_names)
        self._short: dict[str, str | None] = {}
        for name in sorted(self._canonical):
            key = _plain(name)
            if key != name:
                self._short[key] = None if key in self._short else name

    def canonical_name(self, internal_name: str) -> str | None:
        """The canonical name of *internal_name*, or None if it names no text model."""
        rest = internal_name.strip().lower()
        while rest:
            if rest in self._canonical:
                return self._short.get(rest) or rest
            if rest in self._known:
                return self._known[rest]
            rest = rest.partition("/")[2]
        return self.complete(derive(internal_name))

    def complete(self, derived: str | None) -> str | None:
        """Add the active parameters, and a `.0`, where exactly one known name has them."""
        if derived is None:
            return None
        known = self._known.get(derived, derived)
        return self._short.get(known) or known
