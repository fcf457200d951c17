"""Nodes as processes: starting them, recording what they publish, driving over DDS."""
