"""Codecs of the wire: EVT2, EVT2.1, EVT3, mono, libcaer and triggers."""
