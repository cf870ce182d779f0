"""A user's own scenes and masks: found, read, cut into patches."""
