"""Loopback hosts: settings, issuers and the metrics page agree on them."""

import pytest

from resolvers.access.issuers import IssuerKeys
from resolvers.access.loopback import is_loopback
from settings import Settings

HOSTS = {
    "127.0.0.1": True,
    "127.8.9.10": True,
    "::1": True,
    "[::1]": True,
    "::1%lo": True,
    "0:0:0:0:0:0:0:1": True,
    "::ffff:127.0.0.1": True,
    "::FFFF:7F00:1": True,
    "localhost": True,
    "LocalHost": True,
    "localhost.": True,
    "api.localhost": True,
    "A.B.LOCALHOST.": True,
    "": False,
    ".": False,
    ".localhost": False,
    "a..localhost": False,
    "localhost..": False,
    "localhost.example": False,
    "mylocalhost": False,
    "127.0.0.1.example": False,
    "127.1": False,
    "0x7f.0.0.1": False,
    "2130706433": False,
    "0.0.0.0": False,  # noqa: S104 - that this is no loopback address is the point
    "::": False,
    "128.0.0.1": False,
    "10.0.0.1": False,
    "::2": False,
    "fe80::1%lo": False,
    "::ffff:10.0.0.1": False,
    "testclient": False,
}


@pytest.mark.parametrize(("host", "expected"), HOSTS.items())
def test_loopback_hosts_are_recognised(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "LOCALHOST", "x.localhost."])
def test_settings_and_issuers_agree_on_loopback_hosts(host: str) -> None:
    assert Settings(host=host, embedded=True).local_issuer
    IssuerKeys(f"http://{f'[{host}]' if ':' in host else host}/issuer")


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example", "[::2]"])
def test_other_hosts_get_no_development_issuer_and_need_https(host: str) -> None:
    assert not Settings(host=host, embedded=True).local_issuer
    with pytest.raises(ValueError, match="https"):
        IssuerKeys(f"http://{host}/issuer")
