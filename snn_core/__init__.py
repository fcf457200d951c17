"""SpikeDrive's core: events, spiking network, learning, control and simulation, all without ROS."""

__version__ = "0.1.0"
