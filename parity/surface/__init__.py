"""What a program offers, read from its source without running it: flags, definitions, the order of steps, features."""
