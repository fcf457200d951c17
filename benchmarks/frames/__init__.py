"""From frames to events: how fast, as others, and how many frames a second are enough."""
