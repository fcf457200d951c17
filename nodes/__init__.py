"""SpikeDrive's ROS 2 nodes, one a file, and the ``spikedrive`` command."""
