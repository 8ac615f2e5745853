"""Files as they are shown, slice by slice: what they hold, and how much of it is in memory."""
