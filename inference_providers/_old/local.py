"""Moved: see `inference_providers.servers.discovery`."""

from inference_providers._old import moved

__getattr__ = moved(__name__, "inference_providers.servers.discovery")
