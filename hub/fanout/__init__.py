"""From the log to the members: who is in which room, what they have seen, and the bytes that reach them."""
