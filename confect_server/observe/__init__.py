"""What a server says of itself: a record of each run, logs, metrics and traces made of them.

Owns the records and who is told of them. May import `confect_server.engine` and below.
"""

from confect_server.observe.logs import RunLog as RunLog
from confect_server.observe.logs import logging_to as logging_to
from confect_server.observe.metrics import Counter as Counter
from confect_server.observe.metrics import Metrics as Metrics
from confect_server.observe.observers import Observers as Observers
from confect_server.observe.run_metrics import RunMetrics as RunMetrics
from confect_server.observe.run_record import CallerKind as CallerKind
from confect_server.observe.run_record import Observer as Observer
from confect_server.observe.run_record import OutcomeKind as OutcomeKind
from confect_server.observe.run_record import RunRecord as RunRecord
from confect_server.observe.run_record import Tracer as Tracer
from confect_server.observe.run_record import asked_as as asked_as
from confect_server.observe.watchdog import Watchdog as Watchdog
