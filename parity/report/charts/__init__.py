"""Charts beside the Markdown report: what differs, drawn the same to the byte every time."""
