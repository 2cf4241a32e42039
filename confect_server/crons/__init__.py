"""Jobs that recur: when they are due.

Owns recurrences. May import `confect_core`.
"""

from confect_server.crons.recurrence import Calendar as Calendar
from confect_server.crons.recurrence import Every as Every
from confect_server.crons.recurrence import Recurrence as Recurrence
from confect_server.crons.recurrence import daily as daily
from confect_server.crons.recurrence import hourly as hourly
from confect_server.crons.recurrence import monthly as monthly
from confect_server.crons.recurrence import weekly as weekly
