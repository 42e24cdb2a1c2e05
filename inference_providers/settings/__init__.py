"""What the user has said once and for all: settings and keys in files."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.settings.known import SECTIONS as SECTIONS
    from inference_providers.settings.known import SETTINGS as SETTINGS
    from inference_providers.settings.layers import LayeredEnvironment as LayeredEnvironment
    from inference_providers.settings.layers import layered as layered
    from inference_providers.settings.layers import unread as unread
    from inference_providers.settings.layers import with_settings as with_settings
    from inference_providers.settings.stored import CONFIG as CONFIG
    from inference_providers.settings.stored import KEYRING as KEYRING
    from inference_providers.settings.stored import KEYS as KEYS
    from inference_providers.settings.stored import KEYS_FILE as KEYS_FILE
    from inference_providers.settings.stored import SETTINGS_FILE as SETTINGS_FILE
    from inference_providers.settings.stored import may_be_stored as may_be_stored
    from inference_providers.settings.stored import unknown as unknown
    from inference_providers.settings.system_keyring import backend as backend
    from inference_providers.settings.writing import make_config as make_config
    from inference_providers.settings.writing import remove_key as remove_key
    from inference_providers.settings.writing import set_value as set_value
    from inference_providers.settings.writing import store_key as store_key
    from inference_providers.settings.writing import store_variable as store_variable
    from inference_providers.settings.writing import unset_value as unset_value

_HOME = {
    "known": (
        "SECTIONS",
        "SETTINGS",
    ),
    "layers": (
        "LayeredEnvironment",
        "layered",
        "unread",
        "with_settings",
    ),
    "stored": (
        "CONFIG",
        "KEYRING",
        "KEYS",
        "KEYS_FILE",
        "SETTINGS_FILE",
        "may_be_stored",
        "unknown",
    ),
    "system_keyring": ("backend",),
    "writing": (
        "make_config",
        "remove_key",
        "set_value",
        "store_key",
        "store_variable",
        "unset_value",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)
