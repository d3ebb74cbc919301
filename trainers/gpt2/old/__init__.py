"""The entry points of before: the same options, the same run, and a hint at the new command."""
