"""Paths of requests to an application that may be mounted in another one."""

from __future__ import annotations


def path_below(root_path: str, path: str) -> str:
    """The path of a request inside of what is mounted at another path.

    A proxy that takes its own part of the path away may name that as the root path all the same.
    """
    below = path.removeprefix(root_path)
    if not below:
        return "/"
    return below if below.startswith("/") else path
