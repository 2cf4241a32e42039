"""The group `orders`."""
