"""Filters: small stateful objects, each of which takes the batches of one stream and gives what it keeps of them."""
