"""Puts the settings together and finds everything that is wrong with them, all at once."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shop.configuration import sources
from shop.configuration.keys import KEYS, variable
from shop.configuration.problems import Fault, InvalidSettings
from shop.configuration.sources import Given, Source
from shop.configuration.values import is_protected
from shop.kit.secret import Secret
from shop.settings import (
    STRIPE_API_BASE,
    Auth,
    Checkout,
    Commerce,
    Config,
    Databases,
    Drain,
    Eureka,
    Images,
    Log,
    Otel,
    Promotions,
    Remote,
    Runtime,
    Settings,
    Smtp,
    Stripe,
)

STRIPE = ("stripe.secret_key", "stripe.publishable_key", "stripe.webhook_secret")
SMTP = ("smtp.host", "smtp.port", "smtp.sender")
SERVING = {"sales": (*STRIPE, *SMTP), "users": SMTP}
REGISTERED: dict[str, Any] = {"wait": timedelta(seconds=12)}  # others hear of an end within so much time
NOTHING: Mapping[str, tuple[str, ...]] = {}
Fetch = Callable[[Secret, str, str], "Imported"]  # from this config server, for an application and a profile


class Loaded(Struct, frozen=True):
    """The settings, what is odd about them (one line each), where each came from, and what was set, by its place in the settings."""

    settings: Settings
    warnings: tuple[str, ...]
    places: dict[str, str]
    values: dict[str, Any] = {}


class Imported(Struct, frozen=True):
    """What a config server gave, as a flat map, and what is odd about that."""

    values: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def load(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    required: Mapping[str, tuple[str, ...]] = NOTHING,
    fetch: Fetch | None = None,
) -> Loaded:
    """Read all settings; `required` names the keys that a hosted module cannot do without, `fetch` asks a config server. Raises InvalidSettings."""
    environ = os.environ if environ is None else environ
    first = (sources.from_flags(flags or {}), sources.from_environment(environ))
    last = sources.from_file((folder or Path()) / sources.FILE)
    found = (*first, _imported((*first, last), fetch, environ), last)
    given = _merged(found)
    faults = [fault for source in found for fault in source.faults]
    values = _read(given, faults)
    modules = values.get("runtime.modules", Runtime().modules)
    unread = {fault.key.removesuffix(sources.FROM_FILE) for fault in faults}
    faults += [fault for fault in _missing(given, modules, required) if fault.key not in unread]
    settings = _settings(values)
    faults += _contradictions(settings, values, given)
    if faults:
        raise InvalidSettings(sorted(faults), _unknown(found))
    return Loaded(settings, (*_unknown(found), *_odd(settings)), {name: text.place for name, text in given.items()}, values)


def _merged(found: Sequence[Source]) -> dict[str, Given]:
    """Merge sources; the earlier wins."""
    return {name: text for source in reversed(found) for name, text in source.given.items()}


def _imported(found: Sequence[Source], fetch: Fetch | None, environ: Mapping[str, str]) -> Source:
    """Ask the config server that the other sources name, if they name one."""
    values = _read(_merged(found), [])
    config = Config(**{into.removeprefix("config."): value for into, value in values.items() if into.startswith("config.")})
    if config.source is None or fetch is None:
        return Source()
    imported = fetch(config.source, ",".join(values.get("runtime.modules", Runtime().modules)), config.profile)
    source = sources.from_server(imported.values, environ)
    return Source(source.given, source.faults, (*source.warnings, *imported.warnings))


def _read(given: Mapping[str, Given], faults: list[Fault]) -> dict[str, Any]:
    """Read every text; gives the values by their place in Settings and notes the faults."""
    values: dict[str, Any] = {}
    for name, text in given.items():
        key = KEYS[name]
        try:
            value = key.read(text.value)
        except ValueError as error:
            shown = f"{text.value!r} " if key.shows and len(text.value) <= 60 else ""
            example = f"{text.place} {key.example}" if text.place.startswith("--") else f"{name}={key.example}"
            faults.append(Fault(text.place, f"{shown}{error}", example))
        else:
            values[key.into] = value
    return values


def _missing(given: Mapping[str, Given], modules: tuple[str, ...], required: Mapping[str, tuple[str, ...]]) -> list[Fault]:
    wanted: dict[str, list[str]] = {}
    for module in modules:
        for name in required.get(module, ()):
            wanted.setdefault(variable(name), []).append(module)
    return [
        Fault(name, f"is missing; {' and '.join(by)} cannot do without it", f"{name}={KEYS[name].example}")
        for name, by in wanted.items()
        if name not in given
    ]


def _settings(values: Mapping[str, Any]) -> Settings:
    def section(name: str) -> dict[str, Any]:
        return {into.removeprefix(f"{name}."): value for into, value in values.items() if into.startswith(f"{name}.") and into.count(".") == 1}

    def by_module(name: str) -> dict[str, Any]:
        return {into.removeprefix(f"{name}."): value for into, value in values.items() if into.startswith(f"{name}.")}

    runtime = Runtime(**section("runtime"))
    if "runtime.public_url" not in values:
        runtime = replace(runtime, public_url=f"http://localhost:{runtime.port}")
    return Settings(
        runtime=runtime,
        drain=Drain(**(REGISTERED if "eureka.urls" in values else {}) | section("drain")),
        databases=Databases(**section("databases"), own=by_module("databases.own")),
        stripe=Stripe(**section("stripe")) if all(name in values for name in STRIPE) else None,
        smtp=Smtp(**section("smtp")) if all(name in values for name in SMTP) else None,
        auth=Auth(**dict[str, Any](issuer=runtime.public_url) | section("auth")),
        remote=Remote(**section("remote"), peers=by_module("remote.peers"), forced=frozenset(by_module("remote.forced"))),
        eureka=Eureka(**section("eureka")),
        config=Config(**section("config")),
        commerce=Commerce(**section("commerce")),
        images=Images(**section("images")),
        checkout=Checkout(**section("checkout")),
        promotions=Promotions(**section("promotions")),
        log=Log(**section("log")),
        otel=Otel(**section("otel")),
    )


def _contradictions(settings: Settings, values: Mapping[str, Any], given: Mapping[str, Given]) -> list[Fault]:
    faults = []
    if settings.checkout.hard_limit <= settings.checkout.lease:
        faults.append(Fault("SHOP_CHECKOUT_HARD_LIMIT", "is not longer than SHOP_CHECKOUT_LEASE", "SHOP_CHECKOUT_HARD_LIMIT=24h"))
    if ("SHOP_SMTP_USERNAME" in given) != ("SHOP_SMTP_PASSWORD" in given):
        absent = "SHOP_SMTP_PASSWORD" if "SHOP_SMTP_USERNAME" in given else "SHOP_SMTP_USERNAME"
        faults.append(Fault(absent, "is missing, but the other half of the credentials is set", f"{absent}=..."))
    if settings.images.store.startswith("s3://"):
        for name in ("SHOP_IMAGES_ACCESS_KEY", "SHOP_IMAGES_SECRET_KEY"):
            if name not in given:
                faults.append(Fault(name, "is missing, and SHOP_IMAGES_STORE is on S3", f"{name}=..."))
    if (settings.remote.peers or settings.remote.forced or settings.eureka.urls) and "SHOP_INTERNAL_SECRET" not in given:
        key = KEYS["SHOP_INTERNAL_SECRET"]
        faults.append(Fault(key.variable, "is missing; processes cannot trust each other without it", f"{key.variable}={key.example}"))
    if settings.runtime.env == "production":
        for into, name in (("runtime.public_url", "SHOP_PUBLIC_URL"), ("stripe.api_base", "SHOP_STRIPE_API_BASE")):
            if into in values and not is_protected(values[into]):
                faults.append(Fault(name, "is plain http to another machine, which production refuses", f"{name}=https://shop.example.com"))
    return faults


def _unknown(found: tuple[Source, ...]) -> tuple[str, ...]:
    return tuple(warning for source in found for warning in source.warnings)


def _odd(settings: Settings) -> list[str]:
    odd = []
    if settings.stripe and settings.stripe.api_base != STRIPE_API_BASE and settings.runtime.env != "demo":
        odd.append(f"SHOP_STRIPE_API_BASE: payments go to {settings.stripe.api_base}, which is not Stripe")
    return odd
