"""Planted defects and harmless changes, applied to copies of the trainers from outside."""
