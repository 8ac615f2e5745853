"""Pages that hold what they show: without a server, a kernel or a network, for notebooks and to be sent."""
