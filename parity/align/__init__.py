"""Which thing on one side corresponds to which on the other."""
