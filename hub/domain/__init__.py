"""The rules of a taquería's orders, chats, rooms and roles, without any I/O."""
