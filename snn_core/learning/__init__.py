"""Training, evaluation and the report."""
