"""``spikedrive setup``: the ROS 2 message packages, built into the environment that SpikeDrive is installed in."""

from snn_core.errors import UserError


def setup() -> None:
    """Build the ROS 2 message packages into this environment, once after `pip install 'spikedrive[ros]'`."""
    from spikedrive_nodes.processes.setup.installed import set_up
    from spikedrive_nodes.processes.setup.steps import StepError

    try:
        set_up()
    except StepError as error:
        raise UserError(f"setup: {error}") from None
    except OSError as error:  # a full disk, a folder of another user
        raise UserError(f"setup: {error.filename}: {error.strerror}") from None
