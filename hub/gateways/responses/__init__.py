"""The formats in which one answer of the agent is streamed over HTTP, and what they share."""
