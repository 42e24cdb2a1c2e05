"""Moved: see `inference_providers.transport`, `protocols` and `routing`."""
