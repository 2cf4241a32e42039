"""Where actions run that would hold up the loop: worker threads and worker processes.

Owns the pools and what can go wrong in them. May import what users import.
"""

from confect_server.workers.handlers import HandlerName as HandlerName
from confect_server.workers.processes import DeclaredInProcess as DeclaredInProcess
from confect_server.workers.processes import Processes as Processes
from confect_server.workers.threads import Bridge as Bridge
from confect_server.workers.threads import Threads as Threads
