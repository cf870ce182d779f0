"""Image files in and out: checked, bounded, by rows where they are large."""
