"""What must hold in any single run, whatever the other side does."""
