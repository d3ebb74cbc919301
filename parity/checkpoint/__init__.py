"""What a checkpoint holds, read without running it: no torch, no pickle, no code from the file."""
