"""From spikes to a safe velocity, and from the robot's state to a reward."""
