"""Tasks: what a robot is to do, in which scene, and what it is told of how well it does."""
