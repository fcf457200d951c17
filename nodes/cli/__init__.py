"""The ``spikedrive`` command, a verb (or a few that belong together) a file."""
