"""From differences between checkpoints to what was done to one of them; a rule each, in groups by what they look at."""
