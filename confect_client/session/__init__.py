"""The client's state machine: no socket, no clock, no task."""
