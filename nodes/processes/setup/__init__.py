"""What building the ROS 2 message packages into a Python environment takes.

Standard library only: scripts/set_up.py imports it before anything is installed.
"""
