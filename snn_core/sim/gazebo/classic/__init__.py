"""Gazebo Classic 11."""
