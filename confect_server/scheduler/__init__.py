"""Functions that are run later, or again and again: who asks for that, and how it is stored.

Owns `ctx.scheduler`, `ctx.crons` and the states of a scheduled function, which
`confect_server.runtime` runs. May import `confect_server.db` and `confect_server.engine`.
"""

from confect_server.scheduler.crons import Cron as Cron
from confect_server.scheduler.crons import Crons as Crons
from confect_server.scheduler.crons import cron as cron
from confect_server.scheduler.crons import cron_mistakes as cron_mistakes
from confect_server.scheduler.scheduler import Scheduler as Scheduler
