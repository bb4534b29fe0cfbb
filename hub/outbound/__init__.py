"""What the hub sends to others, from the events of its branch."""
