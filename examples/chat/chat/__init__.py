"""Rooms in which people talk."""
