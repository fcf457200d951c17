"""Decoders: from a window's spike counts to a command. A new one is one file."""
