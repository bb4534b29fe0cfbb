"""The targets that the hub may send to, and those that it refuses by their URL or by their address."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from hub.config import Settings
from hub.core.target_policy import TargetPolicy, TargetRefused, is_public

NOT_PUBLIC = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)
PUBLIC = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "192.0.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_for_a_special_purpose_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://partner.example",
        "https://partner.example/orders?key=1",
        "https://Partner.Example:8443/a/b",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:443/orders",
        "https://partner.example./",
    ],
)
def test_a_public_address_over_https_may_be_reached(url: str) -> None:
    assert not TargetPolicy().check_url(url).plain


@pytest.mark.parametrize(
    "url",
    [
        "",
        "partner.example",
        "//partner.example/",
        "http://partner.example/",
        "ftp://partner.example/",
        "https:///orders",
        "https://",
        "https://user:pass@partner.example/",
        "https://partner.example@127.0.0.1/",
        "https://partner.example\\@127.0.0.1/",
        "https://partner.example/#127.0.0.1",
        "https://partner.example/ HTTP/1.1\r\nHost: x",
        "https://partner.example:0/",
        "https://partner.example:65536/",
        "https://partner..example/",
        "https://-partner.example/",
        "https://partner.example%00.org/",
        "https://ⓛocalhost/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.0x1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://partner.example/" + "a" * 2_048,
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        TargetPolicy().check_url(url)


def test_an_allowed_network_may_be_reached_and_others_stay_refused() -> None:
    policy = TargetPolicy(("192.168.1.0/24",))
    policy.check_url("https://192.168.1.20/")
    policy.check_address("till.lan", ip_address("192.168.1.20"))
    for url in ("https://192.168.2.20/", "http://192.168.1.20/"):
        with pytest.raises(TargetRefused):
            policy.check_url(url)
    with pytest.raises(TargetRefused):
        policy.check_address("till.lan", ip_address("192.168.2.20"))


def test_an_allowed_name_may_have_any_address_and_another_name_may_not() -> None:
    policy = TargetPolicy(("http://till.lan",))
    policy.check_url("http://TILL.lan:8000/orders")
    policy.check_address("till.lan", ip_address("10.0.0.8"))
    with pytest.raises(TargetRefused):
        policy.check_address("other.lan", ip_address("10.0.0.8"))
    with pytest.raises(TargetRefused):
        policy.check_url("http://other.lan/")


def test_a_name_is_not_reached_without_tls_because_its_network_may_be() -> None:
    with pytest.raises(TargetRefused):
        TargetPolicy(("http://0.0.0.0/0",)).check_url("http://partner.example/")


def test_the_setting_takes_networks_addresses_and_names_and_refuses_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMANDA_OUTBOUND_ALLOW", "http://127.0.0.1, fd00::/8,till.lan")
    assert Settings().outbound_allow == ("http://127.0.0.1", "fd00::/8", "till.lan")
    for wrong in ("https://till.lan", "10.0.0.0/33", "127.1", "a b", "http://"):
        monkeypatch.setenv("COMANDA_OUTBOUND_ALLOW", wrong)
        with pytest.raises(ValueError, match="no network, address or host name"):
            Settings()


def test_every_setting_that_is_a_list_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validators of the same name in two classes of settings would replace each other."""
    lists = {"origins": "https://a.example", "trusted_proxies": "127.0.0.1", "push_services": "push.example"}
    for name, value in lists.items():
        monkeypatch.setenv(f"COMANDA_{name.upper()}", value)
    settings = Settings()
    assert {name: getattr(settings, name) for name in lists} == {name: (value,) for name, value in lists.items()}
