"""The benchmark: what learning is to reach, in rows; each row is a sweep over seeds, and what its figures must be."""
