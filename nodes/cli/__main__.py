"""``python -m spikedrive_nodes.cli``: the command without its script."""

from spikedrive_nodes.cli.app import main

main()
