"""What PyInstaller has to take along: the package's data, and its modules, which are loaded by name."""

from PyInstaller.utils.hooks import (  # pyright: ignore[reportMissingModuleSource]  (which alone loads this)
    collect_data_files,
    collect_submodules,
)

_LEFT = ("inference_providers.testing.pytest_plugin", "inference_providers._old", "inference_providers._pyinstaller")

datas = collect_data_files("inference_providers", excludes=["_pyinstaller/*"])
hiddenimports = collect_submodules("inference_providers", filter=lambda name: not name.startswith(_LEFT))
