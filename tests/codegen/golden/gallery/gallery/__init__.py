"""A gallery: every type that can travel, and what a front end needs to be tried."""
