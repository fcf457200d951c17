"""Encoders: from a window's events to the spikes of an input population. A new one is one file."""
