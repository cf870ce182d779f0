"""The networks: block factories, and the stacks that they fill."""
