"""The attack finds nothing in the package, and each fault that is put back. Judged by counts."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks.attack.faults import FAULTS
from benchmarks.attack.kit import run
from benchmarks.attack.plan import ATTACKS

SEED = 20261126
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="terminals, owners and limits of Linux")


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_gets_through(name: str) -> None:
    attack, few = ATTACKS[name]
    before = dict(os.environ)
    outcome = run(name, attack, SEED, tries=few)
    assert outcome.through == []
    assert outcome.tried == few
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_is_put_back_is_found(name: str) -> None:
    fault = FAULTS[name]
    with fault.put_back():
        outcome = run(fault.attack, ATTACKS[fault.attack][0], SEED, tries=fault.tries, first=True)
    assert outcome.through, f"not found in {outcome.tried} tries"


@pytest.mark.parametrize("attack", sorted({fault.attack for fault in FAULTS.values()}))
def test_what_was_put_back_is_gone_afterwards(attack: str) -> None:
    for fault in FAULTS.values():
        with fault.put_back():
            continue
    assert run(attack, ATTACKS[attack][0], SEED + 1, tries=1).through == []
