"""Looks at what the containers are from inside and at what the compose file promises."""

import json
import re

from deploy.containers.engine import EngineFailed, containers, inspected, memory, plain, run, running, within

USERS = {"postgres": 999, "nginx": 101}  # everything else is ours
OURS = 10001
MIB = 1048576
SHOP_MOST, FOUR_MOST, LIMITS_MOST = 120, 1.2 * 1024, 2048  # MiB
MODULES = ("products", "cart", "sales", "users")
STAND_INS = ("mailbox", "stripe-of-one", "stripe-of-four")
SHARED = {"internal_secret", "eureka_url", "config_import", "database_url"}
STRIPE = {"stripe_secret_key", "stripe_webhook_secret"}
SECRETS = {
    "shop": STRIPE,
    "products": SHARED,
    "cart": SHARED,
    "sales": SHARED | STRIPE,
    "users": SHARED | {"auth_signing_key"},
    "postgres": {f"{name}_password" for name in ("postgres", *MODULES)},
    "eureka": {"eureka_password"},
    "config": {"config_password"},
    "gateway": {"eureka_url"},
}


def hardening() -> None:
    """Every process of every container: no root, no capability, none to be gained; roots that nobody can write to; limits; healthy."""
    for container, service in running().items():
        expected = USERS.get(service, OURS)
        for status in _processes(container):
            assert status["Uid"].split() == [str(expected)] * 4, f"{service}: runs as {status['Uid']}, not {expected}"
            for capabilities in ("CapEff", "CapPrm", "CapBnd"):
                assert int(status[capabilities], 16) == 0, f"{service}: {capabilities} is {status[capabilities]}"
            assert status["NoNewPrivs"] == "1", f"{service}: may gain privileges"
        known = inspected(container)
        limits = known["HostConfig"]
        assert limits["ReadonlyRootfs"], f"{service}: its root can be written to"
        assert _refuses_writing(container), f"{service}: wrote into /etc or /opt"
        assert all(limits[name] > 0 for name in ("Memory", "NanoCpus", "PidsLimit")), f"{service}: has no limits"
        assert known["State"]["Health"]["Status"] == "healthy", f"{service}: is not healthy"
    print(f"   users, capabilities, roots and limits: {len(running())} containers as they should be")


def _processes(container: str) -> list[dict[str, str]]:
    """Give the status of every process inside, but for the ones that look."""
    script = 'for d in /proc/[0-9]*; do if [ "${d#/proc/}" != $$ ]; then cat $d/status 2>/dev/null; echo; fi; done'
    texts = within(container, "sh", "-c", script).split("\n\n")
    found = [dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE)) for text in texts if "CapEff" in text]
    assert any(status["Pid"] == "1" for status in found), "the first process was not seen"
    return found


def _refuses_writing(container: str) -> bool:
    script = "for d in /etc /opt /usr/bin /; do if touch $d/written 2>/dev/null; then exit 0; fi; done; exit 1"
    try:
        within(container, "sh", "-c", script)
    except EngineFailed:
        return True
    return False


def secrets() -> None:
    """Each service sees its own secrets and nobody else's, and none is in an environment."""
    for container, service in running().items():
        if service in SECRETS:
            seen = set(within(container, "ls", "/run/secrets").split())
            assert seen == SECRETS[service], f"{service} sees {sorted(seen)}"
        environment = " ".join(inspected(container)["Config"]["Env"])
        hidden = re.findall(r"\S*(?:sk_test|whsec_|PRIVATE KEY|://\w+:\w+@)\S*", environment)
        assert not hidden or service in STAND_INS, f"{service} has secrets in its environment"
    print("   secrets: each service sees its own, none in an environment")


def databases() -> None:
    """The role of one module does not get into another's database."""
    (container,) = containers("postgres")
    for database, fails in (("cart", False), ("users", True), ("postgres", True)):
        asked = f'psql "postgresql://cart:$(cat /run/secrets/cart_password)@127.0.0.1/{database}" -Atc "SELECT current_user"'
        said = run("docker", "exec", container, "sh", "-c", asked, fails=fails)
        assert ("permission denied" if fails else "cart") in said, said
    print("   databases: the role of cart is refused by the databases of others")


def footprint(profile: str, requests: int) -> None:
    """Print the memory of every container and hold it against what was promised."""
    services = {container: service for container, service in running().items() if service not in STAND_INS}
    used = memory(list(services))
    for container, mib in used.items():
        print(f"   memory: {services[container]:<10} {mib:6.1f} MiB")
        assert services[container] not in MODULES or mib < SHOP_MOST, f"{services[container]} takes {mib:.0f} MiB"
    total = sum(used.values())
    print(f"   memory: {profile:<10} {total:6.1f} MiB in all, after {requests} requests")
    assert profile != "four" or total < FOUR_MOST, f"the profile takes {total:.0f} MiB"


def compose_file() -> None:
    """Without anything set the file is clean in both profiles, and the limits of each add up to less than 2 GiB."""
    for profile in ("one", "four"):
        said = plain("--profile", profile, "config", "--quiet")
        assert not said, f"docker compose config says: {said}"
        found = json.loads(plain("--profile", profile, "config", "--format", "json"))
        limits = sum(int(service["mem_limit"]) for service in found["services"].values()) / MIB
        print(f"   limits of {profile}: {limits:.0f} MiB")
        assert limits < LIMITS_MOST, f"the limits of {profile} add up to {limits:.0f} MiB"


def refusal() -> None:
    """Who has set nothing is told what to set, before anything else starts."""
    try:
        said = plain("--profile", "one", "up", "--no-build", "--no-color", fails=True)
        started = plain("ps", "--quiet", "shop")
    finally:
        plain("--profile", "one", "down", "--volumes")
    for name in ("SHOP_STRIPE_SECRET_KEY", "SHOP_STRIPE_WEBHOOK_SECRET", "SHOP_STRIPE_PUBLISHABLE_KEY", "SHOP_SMTP_HOST", "SHOP_SMTP_SENDER"):
        assert said.count(f"{name}: is missing") == 1, said
    assert "docker-compose.test.yml" in said, said
    assert not started, "the shop started without its settings"
    print("   with nothing set: refused, with a line for each setting that is missing")
