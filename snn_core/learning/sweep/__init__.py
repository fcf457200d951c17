"""Sweeps: many training runs, over seeds and parameters, by processes or on Ray."""
