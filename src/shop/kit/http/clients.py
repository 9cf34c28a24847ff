"""The address of a client, also behind proxies."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """Believes X-Forwarded-For, from the right, as long as the one who added the entry is trusted."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Trust these addresses and networks; raises ValueError for what is neither."""
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(network, strict=False) for network in networks)
        self._trusts = lru_cache(1024)(self._is_trusted)

    def client(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Give the address of whoever sent the request, the peer's unless it is a trusted proxy."""
        if not self._networks or not self._trusts(peer):
            return normal_address(peer)
        lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        client = peer
        for hop in reversed(",".join(lines).split(",")):
            address = _address(hop)
            if address is None:
                break
            client = str(address)
            if not self._trusts(client):
                break
        return normal_address(client)

    def _is_trusted(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def normal_address(text: str) -> str:
    """Write an address in its one short form; what is none (a unix socket) stays as it is."""
    return text if text.isascii() and text.replace(".", "").isdigit() else str(_address(text) or text)


@lru_cache(1024)
def client_network(address: str) -> str:
    """Give what counts as one client: an IPv4 address, or the /64 that an IPv6 address is in."""
    parsed = _address(address)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if isinstance(parsed, ipaddress.IPv6Address) else address


def _address(text: str) -> Address | None:
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, ipaddress.IPv6Address) else parsed
