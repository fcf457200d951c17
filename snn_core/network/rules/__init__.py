"""Learning rules, one file each. A file that defines ``RULE`` is found by its being here, one of
another package by its entry point ``spikedrive.rules``; docs/models.md shows how.
"""

import importlib
import pkgutil

from snn_core.errors import UserError
from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.plugins import plugins

RULES: dict[str, Rule[RuleSpec]] = {}
for _file in pkgutil.iter_modules(__path__):
    _rule = getattr(importlib.import_module(f"{__name__}.{_file.name}"), "RULE", None)
    if _rule is not None:
        RULES[_rule.name] = _rule
for _offered in plugins("rules").values():
    if not isinstance(_offered, Rule):
        raise UserError(f"entry point spikedrive.rules: expected a Rule, found {_offered!r}")
    RULES.setdefault(_offered.name, _offered)
