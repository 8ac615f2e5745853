"""What an object tells of the crystal: where its surface is, its strain in parts, its dislocations."""
