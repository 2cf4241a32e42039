"""Functions that are run later: what handlers ask for, and how it is stored.

Owns `ctx.scheduler` and the states of a scheduled function; `confect_server.runtime` runs them.
May import `confect_server.db` and `confect_server.engine`.
"""

from confect_server.scheduler.scheduler import Scheduler as Scheduler
