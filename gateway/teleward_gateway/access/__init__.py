"""Access: accounts, roles, sessions, HTTPS on the local network, and who did what."""
