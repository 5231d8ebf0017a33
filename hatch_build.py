"""Build hook: wheels, source archives and editable installs carry the compiled contracts.

A source archive thus builds into a wheel without node or npm; see ``scripts/compile.py`` for what a checkout needs.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContractsBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the contracts and adds the artifacts, which git ignores, to what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the artifacts up to date and add their paths to `build_data`; `version` is standard or editable."""
        root = Path(self.root)
        for path in _compile_script(root).build():
            build_data["artifacts"].append("/" + path.relative_to(root).as_posix())


def _compile_script(root: Path) -> ModuleType:
    """The module at ``scripts/compile.py``: scripts are no package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location("tallystick_compile", root / "scripts" / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
