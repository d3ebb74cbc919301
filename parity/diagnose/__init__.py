"""From symptoms to a cause."""
