"""How a resumed run goes on where the earlier one stopped, and why it does not."""
