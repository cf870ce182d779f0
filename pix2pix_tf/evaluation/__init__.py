"""Exports of runs scored on a data set, and reports of it."""
