"""What is known: providers, models, names, as in the registry file."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.registry.countries import countries_of as countries_of
    from inference_providers.registry.countries import country_words as country_words
    from inference_providers.registry.facts import CAPABILITIES as CAPABILITIES
    from inference_providers.registry.facts import CHAT as CHAT
    from inference_providers.registry.facts import DIGITS as DIGITS
    from inference_providers.registry.facts import DOUBTFUL as DOUBTFUL
    from inference_providers.registry.facts import MESSAGES as MESSAGES
    from inference_providers.registry.facts import OTHER_PROTOCOL as OTHER_PROTOCOL
    from inference_providers.registry.facts import RESPONSES as RESPONSES
    from inference_providers.registry.facts import SPOKEN as SPOKEN
    from inference_providers.registry.facts import STRUCTURED_OUTPUT as STRUCTURED_OUTPUT
    from inference_providers.registry.facts import TALKS as TALKS
    from inference_providers.registry.facts import Facts as Facts
    from inference_providers.registry.first_format import is_first_format as is_first_format
    from inference_providers.registry.first_format import modernised as modernised
    from inference_providers.registry.heads import NEUTRAL as NEUTRAL
    from inference_providers.registry.heads import Heads as Heads
    from inference_providers.registry.heads import edits as edits
    from inference_providers.registry.heads import is_path as is_path
    from inference_providers.registry.kind_models import KindModels as KindModels
    from inference_providers.registry.kinds import EMBEDDINGS as EMBEDDINGS
    from inference_providers.registry.kinds import IMAGES as IMAGES
    from inference_providers.registry.kinds import KINDS as KINDS
    from inference_providers.registry.kinds import MODERATION as MODERATION
    from inference_providers.registry.kinds import RERANK as RERANK
    from inference_providers.registry.kinds import SPEECH as SPEECH
    from inference_providers.registry.kinds import TRANSCRIPTION as TRANSCRIPTION
    from inference_providers.registry.kinds import kind_of as kind_of
    from inference_providers.registry.kinds import plain_name as plain_name
    from inference_providers.registry.merge_patch import merge as merge
    from inference_providers.registry.naming import SERVICES as SERVICES
    from inference_providers.registry.naming import Names as Names
    from inference_providers.registry.naming import derive as derive
    from inference_providers.registry.naming import is_text_model as is_text_model
    from inference_providers.registry.naming import loose as loose
    from inference_providers.registry.prices import Prices as Prices
    from inference_providers.registry.prices import Rate as Rate
    from inference_providers.registry.provider import OPENAI_PROTOCOL as OPENAI_PROTOCOL
    from inference_providers.registry.provider import SPOKEN_PROTOCOLS as SPOKEN_PROTOCOLS
    from inference_providers.registry.provider import Provider as Provider
    from inference_providers.registry.registry import BUNDLED_PATH as BUNDLED_PATH
    from inference_providers.registry.registry import Registry as Registry
    from inference_providers.registry.registry import bundled as bundled
    from inference_providers.registry.registry import canonical_name as canonical_name
    from inference_providers.registry.registry import package_file as package_file
    from inference_providers.registry.registry import parse as parse
    from inference_providers.registry.schema import problems as problems
    from inference_providers.registry.variants import Wanted as Wanted
    from inference_providers.registry.variants import snapshot as snapshot
    from inference_providers.registry.variants import variant as variant
    from inference_providers.registry.variants import without_suffix as without_suffix

_HOME = {
    "countries": (
        "countries_of",
        "country_words",
    ),
    "facts": (
        "CAPABILITIES",
        "CHAT",
        "DIGITS",
        "DOUBTFUL",
        "Facts",
        "MESSAGES",
        "OTHER_PROTOCOL",
        "RESPONSES",
        "SPOKEN",
        "STRUCTURED_OUTPUT",
        "TALKS",
    ),
    "first_format": (
        "is_first_format",
        "modernised",
    ),
    "heads": (
        "Heads",
        "NEUTRAL",
        "edits",
        "is_path",
    ),
    "kind_models": ("KindModels",),
    "kinds": (
        "EMBEDDINGS",
        "IMAGES",
        "KINDS",
        "MODERATION",
        "RERANK",
        "SPEECH",
        "TRANSCRIPTION",
        "kind_of",
        "plain_name",
    ),
    "merge_patch": ("merge",),
    "naming": (
        "Names",
        "SERVICES",
        "derive",
        "is_text_model",
        "loose",
    ),
    "prices": (
        "Prices",
        "Rate",
    ),
    "provider": (
        "OPENAI_PROTOCOL",
        "Provider",
        "SPOKEN_PROTOCOLS",
    ),
    "registry": (
        "BUNDLED_PATH",
        "Registry",
        "bundled",
        "canonical_name",
        "package_file",
        "parse",
    ),
    "schema": ("problems",),
    "variants": (
        "Wanted",
        "snapshot",
        "variant",
        "without_suffix",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)
