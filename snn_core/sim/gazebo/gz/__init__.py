"""Gazebo Sim (Harmonic)."""
