"""What the engine does to whole arrays, in parts that fit the processor's cache."""
