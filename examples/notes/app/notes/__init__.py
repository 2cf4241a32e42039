"""The group `notes`: what it offers and how."""
