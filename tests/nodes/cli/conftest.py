"""What the tests of the ``spikedrive`` command share: running it, and a run that it has written."""

import subprocess
from pathlib import Path

import pytest

from spikedrive_nodes.cli import app as cli
from tests.nodes.cli.spikedrive_command import SPIKEDRIVE, Say


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    """Run the command in this process: its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run, with ``figures.json`` in it; made by a process of its own."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    folder.mkdir()
    command = [SPIKEDRIVE, "train", "--seconds", "6", "--evaluation-seconds", "2", "--seed", "3"]
    command += ["--out", str(folder), "--json", str(folder / "figures.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return folder
