"""Learning rules, one file each. A file that defines ``RULE`` is found by its being here; docs/models.md shows how."""

import importlib
import pkgutil

from snn_core.network.rules.base import Rule

RULES: dict[str, Rule] = {}
for _file in pkgutil.iter_modules(__path__):
    _rule = getattr(importlib.import_module(f"{__name__}.{_file.name}"), "RULE", None)
    if _rule is not None:
        RULES[_rule.name] = _rule
