"""Worlds and robots as SDF and URDF."""
