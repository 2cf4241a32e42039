"""The admin key: who has it, and who has not."""

from __future__ import annotations

import pytest

from confect_server.transport import AdminKey


@pytest.mark.parametrize("shown", ["secret", "dev:secret", "prod:secret"])
def test_the_key_may_name_its_deployment(shown: str) -> None:
    assert AdminKey("secret").is_key(shown)


@pytest.mark.parametrize("shown", ["", "secre", "secret ", "dev:", "other:secret", "s\u00e9cret"])
def test_anything_else_is_not_the_key(shown: str) -> None:
    assert not AdminKey("secret").is_key(shown)


@pytest.mark.parametrize("shown", ["", "dev:", "prod:", "x"])
def test_nobody_has_an_empty_key(shown: str) -> None:
    assert not AdminKey("").is_key(shown)
