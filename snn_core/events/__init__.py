"""Events: one array type, wire codecs, file readers, pooling."""
