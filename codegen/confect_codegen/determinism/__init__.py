"""The lint for determinism: what queries and mutations, and what they call, must not use.

It guards against mistakes and is no sandbox. May import what finds and loads a project.
"""

from confect_codegen.determinism.findings import findings as findings
