"""Gazebo as a simulator of the lane task: backends, worlds, robots."""
