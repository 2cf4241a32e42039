"""The group `admin`, which is built step by step, and the groups below it."""
