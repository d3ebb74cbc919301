"""What continuous integration reads: one writer for each format."""
