"""Client versions: read from the path or the header, and refused when too old."""

from __future__ import annotations

import pytest

from confect_core.protocol import (
    ClientVersion,
    InvalidClientVersion,
    Semver,
    UnsupportedClientVersion,
)


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("python-0.8.1", ClientVersion("python", Semver(0, 8, 1))),
        ("npm-1.48.0", ClientVersion("npm", Semver(1, 48, 0))),
        ("npm-cli-1.4.0", ClientVersion("npm-cli", Semver(1, 4, 0))),
        ("rust-0.10.4-alpha.1", ClientVersion("rust", Semver(0, 10, 4))),
    ],
)
def test_a_header_names_the_kind_and_the_version(text: str, client: ClientVersion) -> None:
    assert ClientVersion.of_header(text) == client


def test_a_version_in_the_path_means_the_javascript_client() -> None:
    assert ClientVersion.of_path("1.48.0") == ClientVersion("npm", Semver(1, 48, 0))
    assert ClientVersion.of_path("1.48.0-beta.2") == ClientVersion("npm", Semver(1, 48, 0))


@pytest.mark.parametrize("text", ["", "python", "python-", "0.8.1", "python-0.8", "python-a.b.c"])
def test_a_header_that_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidClientVersion):
        ClientVersion.of_header(text)


@pytest.mark.parametrize("text", ["", "1.48", "v1.48.0", "1.48.0/x", "1.48.0 "])
def test_a_path_that_holds_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidClientVersion):
        ClientVersion.of_path(text)


@pytest.mark.parametrize("text", ["npm-0.19.1", "npm-0.1.0", "python-0.0.2", "rust-0.0.1"])
def test_the_newest_unsupported_version_and_all_before_it_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedClientVersion) as refused:
        ClientVersion.of_header(text).check_supported()
    assert refused.value.code == "ClientVersionUnsupported"
    assert "Upgrade" in refused.value.hint


@pytest.mark.parametrize("text", ["npm-0.19.2", "python-0.0.3", "rust-0.0.2", "ruby-0.0.0"])
def test_the_versions_after_it_and_unknown_clients_are_supported(text: str) -> None:
    ClientVersion.of_header(text).check_supported()


@pytest.mark.parametrize(
    ("text", "knows"), [("npm-1.28.0", True), ("npm-1.27.9", False), ("python-9.0.0", False)]
)
def test_only_newer_javascript_clients_know_chunks(text: str, knows: bool) -> None:
    assert ClientVersion.of_header(text).knows_chunks is knows
