"""What more than one family of trainers uses; nothing in here knows a family."""
