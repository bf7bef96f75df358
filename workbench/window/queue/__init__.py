"""The queue: what waits, runs and has ended, and the runs of other processes."""
