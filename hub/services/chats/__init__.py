"""Chats: messages, turns of the agent, handovers to a person, and their limits."""
