"""What is different on every machine that the application runs on."""

from __future__ import annotations

from pydantic import SecretStr

from confect_server import Environment


class Env(Environment):
    github_webhook_secret: SecretStr
