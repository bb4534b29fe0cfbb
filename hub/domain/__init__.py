"""What a taquería's orders, rooms and people are, decided without any I/O."""
