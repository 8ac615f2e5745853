"""What every job shares: options, input, progress, and how a configuration makes a job again."""
