"""What a damaged file, or one made to harm, could do to its reader is looked for before it is read."""
