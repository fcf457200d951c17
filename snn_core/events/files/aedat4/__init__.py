"""AEDAT4 files."""
