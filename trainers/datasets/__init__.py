"""Data directories for the trainers, made on this machine."""
