"""Variants: what an internal name says beyond which model it is. Pure.

A snapshot, a quantisation, a region, what is free, searches the web or is billed in another way: who writes such a
name wants just that, so likeness may add to it (`llama-3.3-70b-versatile` for `llama-3.3-70b`) but leave nothing out.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What may stand in a provider's `suffixes`: a version's checksum, a name that the user has given.
_PLACEHOLDERS = {"<hash>": r"[0-9a-f]{40,64}", "<name>": r"[\w.-]{1,100}"}
_AWAY = "cloud"  # a model that a server here lists and has run elsewhere: never for one that is here
_WORD = (
    r"[:@-]([a-z]{2}-(?:north|south|east|west|central)[a-z]*-?\d|us|eu|uk|apac|global|free|online|web|nitro|floor|extended"
    r"|exacto|batch|flex|cloud|lora|16k|32k)(?=$|[:@-])"
)
_THINKS = r"(?<!no)(?<!non)[:-]think(?:ing)?(?=$|[:@-])"  # a switch of many models, which some names set
_PRO = r"^(?:[a-z-]*-)?gpt-?[\d.-]+-(?:sol|terra|luna|astra)-pro(?=$|[:@])"
_REGION = r"(?:^|/)(us-gov|us|eu|apac|au|jp|ca|in|global)[./]"
_PACKING = (
    r"[-.:@_/]((?:i?q|tq)\d[a-z0-9_]*|n?v?fp[48]|mxfp[48]|int[48]|awq|gptq|b?f16|fp16|\d-?bit|w\da\d+|qat|exl[23])"
    r"(?=$|[-.:@_])"
)
# How the same weights are served: more or less exactly, faster, dearer.
_TIER = r"-(turbo|lite|reference|fast|lightning|highspeed|specdec)(?=$|-free$|:)"
_EFFORT = r"^(?:gpt-\d|o\d|claude|gemini-\d|grok)[a-z0-9.-]*-(minimal|low|medium|high|xhigh)$"
# 2024-08-06, 20240806, 240806, 0806, and Google's -001; a date is its month and day.
_DATE = r"(?<=[-@])(?:(?:20)?\d\d-?)?((?:0[1-9]|1[0-2])-?(?:[0-2]\d|3[01]))(?=$|[-:@])|-(00\d)(?=$|[-:@])"


def variant(name: str, *, packing: bool = True, tier: bool = False) -> frozenset[str]:
    """The words for all that *name* says beyond its model, dates aside.

    *packing*: those of a quantisation, too. *tier*: and those of how weights are served, such as Together's `-Lite`.
    """
    lower = name.strip().lower()
    last = lower.rpartition("/")[2]
    found = re.findall(_WORD, last) + re.findall(_REGION, lower) + re.findall(_EFFORT, last)
    found += ["thinking"] * bool(re.search(_THINKS, last)) + ["pro"] * bool(re.search(_PRO, last))
    if packing:
        found += re.findall(_PACKING, re.sub(r"\.(gguf|safetensors|bin)$", "", last))
    return frozenset(found + (re.findall(_TIER, last) if tier else []))


def snapshot(name: str) -> str:
    """The date, or the number, of the release that *name* stands for; empty where it tells none."""
    match = re.search(_DATE, name.strip().lower().rpartition("/")[2])
    return (match[1] or match[2]).replace("-", "") if match else ""


def without_suffix(name: str, suffixes: Iterable[str]) -> str | None:
    """*name* without the last suffix of a provider's own, or None: `openai/gpt-4o` for `openai/gpt-4o:online`."""
    for suffix in suffixes:
        pattern = re.escape(suffix)
        for placeholder, form in _PLACEHOLDERS.items():
            pattern = pattern.replace(re.escape(placeholder), form)
        if (match := re.search(rf"(?i){pattern}$", name)) and match.start():
            return name[: match.start()]
    return None


class Wanted:
    """A name that somebody wrote: which of a model's names are all that it says."""

    def __init__(self, name: str, known: Callable[[], set[str]], *, packing: bool = True, tier: bool = False) -> None:
        """*known* gives the snapshots of the model that anybody lists, and is asked where the name has a date.

        Where there is but one, a name without a date is it. *packing*: whether a quantisation has to be kept;
        *tier*: whether the way in which weights are served has to be.
        """
        self._words, self._date = variant(name, packing=packing, tier=tier), snapshot(name)
        self._packing, self._tier = packing, tier
        self._undated = not self._date or known() <= {self._date}  # whether a name without a date will do

    def kept_by(self, internal_name: str) -> bool:
        """Whether *internal_name* is all that the name says, and not a model elsewhere where one here is meant."""
        if self._words or _AWAY in internal_name.lower():
            words = variant(internal_name, packing=self._packing, tier=self._tier)
            if not self._words <= words or _AWAY in words - self._words:
                return False
        own = snapshot(internal_name) if self._date else ""
        return own == self._date or (not own and self._undated)
