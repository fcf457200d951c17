"""docs/models.md: its networks load, and its example of a model does what its closed form says."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from snn_core.network.models import MODELS
from snn_core.network.spec import NetworkSpec

DOC = (Path(__file__).resolve().parents[3] / "docs" / "models.md").read_text(encoding="utf-8")

FOLLOW_THE_HOW_TO = """
import importlib.util, sys
import numpy as np
import yaml

from snn_core.network.models import MODELS

found = importlib.util.spec_from_file_location("perfect_integrator", sys.argv[1])
module = importlib.util.module_from_spec(found)
sys.modules["perfect_integrator"] = module
found.loader.exec_module(module)
MODELS[module.MODEL.name] = module.MODEL

from snn_core.network.network import Network
from snn_core.network.spec import NetworkSpec

network = Network(NetworkSpec.model_validate(yaml.safe_load(open(sys.argv[2]))), 1)
spikes = network.advance(400, np.arange(401), np.zeros(400, np.int32))
for neuron, weight in enumerate((0.0, 0.5, 1.0)):
    moved = 400 * (0.25 + weight)
    count = (spikes.neuron == neuron).sum()
    assert count == moved // 4, (neuron, count)
    assert network.population_state("cells")["potential"][neuron] == moved % 4
    steps = np.ceil(4 * np.arange(1, count + 1) / (0.25 + weight))
    assert (spikes.time_us[spikes.neuron == neuron] == 1000 * steps).all()
print("followed")
"""


def blocks(language: str, heading: str) -> list[str]:
    """The code blocks of a language under a heading, or before the first one."""
    section = DOC.split("\n## ")[0] if not heading else DOC.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def test_the_first_network_loads():
    (text,) = blocks("yaml", "")
    assert set(NetworkSpec.model_validate(yaml.safe_load(text)).populations) == {"noise", "cells", "bursting"}


def test_the_table_has_every_model():
    assert set(re.findall(r"^\| `(\w+)` \|", DOC, re.MULTILINE)) >= {*MODELS, "spike_source"}


def test_the_example_model_does_what_its_closed_form_says(tmp_path):
    (source,) = blocks("python", "Adding a neuron model")
    (network,) = blocks("yaml", "Adding a neuron model")
    model, description = tmp_path / "perfect_integrator.py", tmp_path / "network.yaml"
    model.write_text(source, encoding="utf-8")
    description.write_text(network, encoding="utf-8")
    command = [sys.executable, "-c", FOLLOW_THE_HOW_TO, model, description]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "followed\n"
