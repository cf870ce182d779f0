"""Speed and memory, measured. Nothing in the package imports this."""
