"""All faults that are put back, by name."""

from __future__ import annotations

from benchmarks.attack import faults_files, faults_wire

FAULTS = {fault.name: fault for module in (faults_wire, faults_files) for fault in module.FAULTS}
