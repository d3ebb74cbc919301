"""The sections that reports are put together from; each is a function from outcomes to a section."""
