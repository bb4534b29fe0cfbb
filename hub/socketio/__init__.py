"""The Socket.IO server: connections, sessions, recovery, and a send buffer with bounds."""
