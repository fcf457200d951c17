"""The events benchmark: decoding, filtering, pooling and reading, next to other libraries, each in its own process."""
