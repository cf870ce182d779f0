"""Clients of a server, over REST and gRPC."""
