"""Data sets on disk, and the input pipeline that turns them into batches."""
