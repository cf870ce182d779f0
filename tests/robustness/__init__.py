"""Spoilt files, killed commands, full disks, long runs."""
