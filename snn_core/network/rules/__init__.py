"""Learning rules, one file each. A file that defines ``RULE`` is found by its being here, one of
another package by its entry point ``spikedrive.rules``; docs/models.md shows how.
"""

from snn_core.network.rules.base import Rule, RuleSpec
from snn_core.plugins import parts

RULES: dict[str, Rule[RuleSpec]] = {}
for _part in parts(__name__, __path__, "RULE", Rule, "rules"):
    RULES.setdefault(_part.name, _part)
