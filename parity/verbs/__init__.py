"""The verbs of the command line, one per file. Each imports what it needs when it is called."""
