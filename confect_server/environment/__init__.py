"""Settings of an application that are no code: environment variables, typed and in the database.

Owns what an application declares of them, what is stored, and how one becomes the other. Reads no
environment of a process: that is passed in. May import `confect_core` and the engine.
"""

from confect_server.environment.declared import Environment as Environment
from confect_server.environment.declared import mistakes_of as mistakes_of
from confect_server.environment.stored import change as change
from confect_server.environment.stored import stored_variables as stored_variables
from confect_server.environment.variables import RunEnvironment as RunEnvironment
from confect_server.environment.variables import Variables as Variables
