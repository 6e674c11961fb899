"""Recordings that come as files: taken in pieces, looked at, and imported by the server itself."""
