"""Engine and library together: the only way that anything is trained, resumed or tested."""
