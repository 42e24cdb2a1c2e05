"""All faults that are put back, by name."""

from __future__ import annotations

from benchmarks.attack import faults_files, faults_machine, faults_meaning, faults_replies, faults_wire

_MODULES = (faults_wire, faults_replies, faults_files, faults_machine, faults_meaning)
FAULTS = {fault.name: fault for module in _MODULES for fault in module.FAULTS}
