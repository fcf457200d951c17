#!/bin/bash
# Runs a command with ROS 2, .venv and the workspace sourced.
source /opt/ros/jazzy/setup.bash
source /home/ubuntu/spikedrive/.venv/bin/activate
source /home/ubuntu/spikedrive/ros_ws/install/setup.bash
exec "$@"
