"""What field reports describe: each input, sent through the real parts, and what comes of it."""
