"""The lane task in each Gazebo: whether it is learnt there, how fast, and whether a run can be had again."""
