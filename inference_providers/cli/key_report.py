"""What the keys came to when their providers were asked, as text for a terminal."""

from __future__ import annotations

from inference_providers.calls import key_checks
from inference_providers.cli.lists import environment
from inference_providers.settings import KEYRING, KEYS_FILE
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.calls import KeyCheck
    from inference_providers.registry import Provider, Registry

WIDTH = 79  # columns
OFFLINE = "Off line: no provider was asked."
_FEW = 3  # names that are shown of many
_VERDICTS = {
    key_checks.WORKS: "works",
    key_checks.REFUSED: "the key is refused",
    key_checks.FAILED: "could not be checked",
    key_checks.UNKNOWN: "cannot be judged",
    key_checks.NOT_ASKED: "not asked",
}


def key_report(checks: Sequence[KeyCheck], registry: Registry, *, offline: bool = False) -> str:
    """Which keys work, what they reach, and what to do about those that do not."""
    if offline:
        return OFFLINE
    if not checks:
        return "Keys, as their providers say: there is none to ask about."
    lines = ["Keys, as their providers say:"]
    for check in checks:
        lines += wrapped(f"{check.variable}  {verdict_of(check)}", 2)
        lines += [line for advice in _advice(check, checks) + _models(check, registry) for line in wrapped(advice, 6)]
    asked = [check for check in checks if check.verdict != key_checks.NOT_ASKED]
    works = sum(check.verdict == key_checks.WORKS for check in asked)
    lines += ["", f"{works} of {len(asked)} {'keys works' if works == 1 else 'keys work'} for certain."]
    if any(check.live is not None for check in checks):
        lines += wrapped("`inference-providers models --live` lists what they have.", 0)
    return "\n".join(lines)


def verdict_of(check: KeyCheck) -> str:
    """What a check came to, in a line: `groq: the key is refused (HTTP 401): Invalid API Key`."""
    status = f" (HTTP {check.status})" if check.status else ""
    return f"{check.provider.id}: {_VERDICTS[check.verdict]}{status}{f': {in_line(check.said)}' if check.said else ''}"


def _advice(check: KeyCheck, checks: Sequence[KeyCheck]) -> list[str]:
    if check.verdict != key_checks.REFUSED:
        return []
    elsewhere = [
        one.provider.id for one in checks if one.variable == check.variable and one.verdict == key_checks.WORKS
    ]
    if elsewhere:
        return [f"The key in {check.variable} is {elsewhere[0]}'s."]
    return [replacement(check.provider, check.variable)]


def replacement(row: Provider, variable: str) -> str:
    """What to do about a key that is refused."""
    console = row.data.get("console") or row.data.get("website")
    stored = environment().source(variable) in (KEYRING, KEYS_FILE)
    what = f"`inference-providers keys set {row.id}` replaces it" if stored else f"Put another key in {variable}"
    return what + (f"; get one at {console}" if console else ".")


def _models(check: KeyCheck, registry: Registry) -> list[str]:
    live = check.live
    if live is None:
        return []
    found = [f"It has {_count(len(live.talking), 'model')} to talk to{'' if live.whole else ' or more'}."]
    if lacking := live.lacking_in_registry(registry):
        found.append(f"Not in the registry: {_some(lacking)}.")
    if in_vain := live.in_vain():
        found.append(f"In the registry, and not in its list: {_some(in_vain)}.")
    return found


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(in_line, names[:_FEW]))
    return shown + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


def wrapped(text: str, indent: int) -> list[str]:
    """A text in lines that fit, by the columns that a terminal takes for it; the second and further ones further in."""
    from rich.cells import cell_len, chop_cells

    lines, room = [" " * indent], WIDTH - indent - 4
    for word in text.split(" "):
        for piece in chop_cells(word, room) or [""]:
            if lines[-1].strip() and cell_len(lines[-1]) + 1 + cell_len(piece) > WIDTH:
                lines.append(" " * (indent + 4))
            lines[-1] += (" " if lines[-1].strip() else "") + piece
    return lines
