"""Generated images scored against their targets."""
