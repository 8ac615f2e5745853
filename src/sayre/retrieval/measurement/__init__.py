"""The forward model of a measurement: what beam and detector make of the intensity of a crystal."""
