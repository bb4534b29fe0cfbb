"""The relay: delivers the log's events to the members of rooms, in order and without gaps."""
