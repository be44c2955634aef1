"""Which host names and addresses are this machine's own.

Source: RFC 6761, section 6.3 (`localhost` and all names under it); RFC 1122, section 3.2.1.3
(127.0.0.0/8); RFC 4291, sections 2.5.3 and 2.5.5.2 (`::1`, IPv4-mapped addresses).
"""

from ipaddress import IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether a host is a loopback address, `localhost` or a name under it.

    Nothing is looked up. Only the usual notations of an address count: a short or hexadecimal one,
    such as `127.1`, does not.

    Args:
        host: Without a port. Case, a trailing dot after a name, brackets around an IPv6 address and
            its zone id are ignored.
    """
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        *labels, last = host.lower().removesuffix(".").split(".")
        return last == "localhost" and all(labels)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
