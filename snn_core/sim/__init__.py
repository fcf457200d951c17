"""The embedded simulator: track, camera, event pixels, robot, lane task, Gymnasium environment."""
