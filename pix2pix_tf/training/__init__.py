"""The training loop, what is trained, and what is kept of it."""
