"""Moved: see `inference_providers.testing.cassette`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.testing.cassette")
