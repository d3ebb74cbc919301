"""Small training programs of every shape, and what the trace of each must contain."""
