"""The sync protocol: the session of a socket as a state machine, and what drives it.

`session.py` and what it is made of know no socket, no clock and no task.
"""
