"""The ``spikedrive`` command, one subcommand (or a few that belong together) a file."""
