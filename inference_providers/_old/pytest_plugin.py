"""Moved: see `inference_providers.testing.pytest_plugin`. pytest wants a plug-in itself, not what gives its names."""

import sys
import warnings

import inference_providers.testing.pytest_plugin as plugin

warnings.warn(f"{__name__} has moved to {plugin.__name__}", DeprecationWarning, stacklevel=2)
sys.modules[__name__] = plugin
