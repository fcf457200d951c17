"""Live cameras: one interface over the libraries that read them, without ROS."""
