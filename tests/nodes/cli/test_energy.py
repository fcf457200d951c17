"""``spikedrive energy``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikedrive_nodes.cli import app as cli

REPORT: dict[str, Any] = {
    "task": "lane",
    "operations": {
        "steps": 20_000,
        "neuron_updates": 40_000,
        "spikes": 30_000,
        "synaptic_events": 50_000,
        "learning_updates": 60_000,
        "memory_bytes": 900_000,
    },
    "network_size": {"synapses": 64, "state_bytes": 5000},
    "configuration": {"network": {"name": "lane", "dt_ms": 0.5, "window_ms": 50.0}},
}
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run ``spikedrive energy`` with these arguments; exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["energy", *(str(argument) for argument in arguments)])
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def write(folder: Path, report: Any) -> Path:
    """A run's folder with this report.json."""
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


def test_json_holds_the_estimate(say: Say, tmp_path: Path) -> None:
    code, out, _ = say(write(tmp_path, REPORT), "--json", "-")
    figures = json.loads(out)
    assert code == 0
    assert figures["what"].startswith("estimate")
    assert figures["simulated_s"] == pytest.approx(10.0)
    assert figures["operations"] == REPORT["operations"]
    loihi = next(platform for platform in figures["platforms"] if platform["platform"] == "Loihi")
    rest = 30_000 * 1.7 + 50_000 * 23.6 + 60_000 * 120
    assert loihi["estimated_j"]["low"] == pytest.approx(1e-12 * (rest + 40_000 * 52))
    assert loihi["estimated_mean_w"]["high"] == pytest.approx(1e-13 * (rest + 40_000 * 81))
    dense_j = 1e-12 * 64 * 20_000 * (0.9 + 3.7 + 5)
    assert figures["dense"]["estimated_j"] == {"low": pytest.approx(dense_j), "high": pytest.approx(dense_j)}
    ratio = loihi["estimated_j"]["low"] / dense_j
    assert loihi["estimated_ratio_to_dense"]["low"] == pytest.approx(ratio)
    assert loihi["estimated_ratio_to_dense_once_a_window"]["low"] == pytest.approx(100 * ratio)
    truenorth = next(platform for platform in figures["platforms"] if platform["platform"] == "TrueNorth")
    assert list(truenorth["lacking"]) == ["learning_updates"]
    used = {source.split(",")[0] for platform in figures["platforms"] for source in platform["sources"]}
    assert used == set(figures["references"])


def test_the_table_says_that_it_is_an_estimate_and_where_it_is_from(say: Say, tmp_path: Path) -> None:
    code, out, _ = say(write(tmp_path, REPORT) / "report.json")
    assert code == 0
    lines = out.splitlines()
    assert "estimate" in lines[0]
    assert "10 s simulated" in lines[0]
    row = next(line for line in lines if line.startswith("TrueNorth"))
    assert "≥1.3 µJ" in row  # 50000 events of 26 pJ
    assert "≥130 nW" in row
    assert all(name in out for name in ("datapath", "Loihi", "ODIN", "SpiNNaker", "dense network"))
    assert all(source in out for source in ("davies_2018, Table 2, p. 96", "doi:10.1109/ISSCC.2014.6757323"))


def test_another_table(say: Say, tmp_path: Path) -> None:
    table = tmp_path / "table.yaml"
    source = "{paper: mine, where: p. 1}"
    table.write_text(
        f"""
references: {{mine: A paper}}
dense_platform: abacus
platforms:
  - name: abacus
    node_nm: 1.0e+7
    node_source: {source}
    evidence: measured
    prices: {{move: {{pj: 2.0e+6, source: {source}}}}}
    operations:
      synaptic_events: {{needs: {{move: 3}}, why: w}}
      memory_bytes: {{needs: {{move: 1}}, why: w}}
      multiply_accumulates: {{needs: {{move: 9}}, why: w}}
    contained: {{neuron_updates: w, spikes: w, learning_updates: w}}
"""
    )
    code, out, _ = say(write(tmp_path, REPORT), "--table", table, "--json", "-")
    assert code == 0
    (abacus,) = json.loads(out)["platforms"]
    assert abacus["estimated_j"]["low"] == pytest.approx(2e-6 * (3 * 50_000 + 900_000))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"operations": None}, ("report.json", "operations")),
        ({"operations": {**REPORT["operations"], "spikes": -1}}, ("operations.spikes", "-1")),
        ({"operations": {**REPORT["operations"], "steps": 0}}, ("steps", "nothing was trained")),
        ({"network_size": {"synapses": 64}}, ("network_size.state_bytes", "missing")),
        ({"configuration": {}}, ("dt_ms", "missing")),
        ({"configuration": []}, ("dt_ms", "missing")),
    ],
)
def test_a_report_that_is_not_whole_is_refused_in_one_line(
    say: Say, tmp_path: Path, changes: dict[str, Any], named: tuple[str, ...]
) -> None:
    code, out, said = say(write(tmp_path, REPORT | changes))
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert all(word in said for word in named), said


@pytest.mark.parametrize("text", ["{", "[1]", "\x00\xff", '{"task": "lane"}'])
def test_what_has_no_counts_is_refused_in_one_line(say: Say, tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_bytes(text.encode("latin-1"))
    code, out, said = say(tmp_path)
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert "report.json" in said
    assert "spikedrive train" in said


def test_missing_files_are_named(say: Say, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    write(whole, REPORT)
    for arguments, named in (
        ((tmp_path / "nowhere",), "nowhere"),
        ((tmp_path,), "report.json"),
        ((whole, "--table", tmp_path / "none.yaml"), "none.yaml"),
    ):
        code, _, said = say(*arguments)
        assert (code, said.count("\n")) == (2, 1)
        assert named in said
