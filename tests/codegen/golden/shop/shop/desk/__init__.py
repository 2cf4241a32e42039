"""The desk of those who work in the shop."""
