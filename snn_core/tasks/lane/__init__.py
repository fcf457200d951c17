"""The lane task: keep a lane of a track."""
