"""What a run left behind: the vocabulary of channels, the wire format and the reader."""
