"""Timings side by side with named peers: ``python -m benchmarks``. Not a test: nothing here passes or fails."""
