"""docs/models.md: its table has every rule, and its example of a rule does what it says."""

import re
import subprocess
import sys

from snn_core.network.rules import RULES
from tests.network.models.test_models_doc import DOC, blocks

FOLLOW_THE_HOW_TO = """
import importlib.util, math, sys
import numpy as np
import yaml

from snn_core.network.rules import RULES

found = importlib.util.spec_from_file_location("follow_trace", sys.argv[1])
module = importlib.util.module_from_spec(found)
sys.modules["follow_trace"] = module
found.loader.exec_module(module)
RULES[module.RULE.name] = module.RULE

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

network = Network(NetworkSpec.model_validate(yaml.safe_load(open(sys.argv[2]))), 1)
inputs = {0: [0], 5: [1], 10: [0]}
expected = [1e5, 20.0]
last = {}
for step in range(12):
    now = inputs.get(step, [])
    spikes = network.advance(1, np.array([0, len(now)]), np.array(now, np.int32))
    assert spikes.time_us.size == (0 in now), step
    for i in now:
        last.setdefault(i, []).append(step)
    if spikes.time_us.size:
        for i in range(2):
            trace = sum(math.exp(-(step - before) / 20) for before in last.get(i, []))
            expected[i] = min(max(expected[i] + 0.1 * (1e5 * trace - expected[i]), 0), 1e5)
    assert np.allclose(network.connection_weights(0), expected, rtol=1e-5), (step, expected)
assert expected[1] > 5000
print("followed")
"""


def test_the_table_has_every_rule():
    section = DOC.split("\n## The rules\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(RULES)


def test_the_example_rule_does_what_it_says(tmp_path):
    (source,) = blocks("python", "Adding a learning rule")
    (network,) = blocks("yaml", "Adding a learning rule")
    rule, description = tmp_path / "follow_trace.py", tmp_path / "network.yaml"
    rule.write_text(source, encoding="utf-8")
    description.write_text(network, encoding="utf-8")
    command = [sys.executable, "-c", FOLLOW_THE_HOW_TO, rule, description]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "followed\n"
