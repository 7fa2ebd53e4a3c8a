"""Options that several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from lkboard.app.registry_options import RegistryOptions


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--cache``."""
    parser.add_argument(
        "--cache",
        metavar="DIR",
        help="where images are kept (default: $LKBOARD_CACHE, else lkboard/cache in the user's cache folder)",
    )


def add_registry_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how images are fetched and where they are kept."""
    group = parser.add_argument_group("images")
    group.add_argument("--pull", action="store_true", help="ask the registry even for images that are in the store")
    group.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="[REG=]URL",
        help="fetch images of registry REG (or of all) from here first; also $LINUXKIT_MIRROR",
    )
    group.add_argument(
        "--insecure-registry",
        action="append",
        default=[],
        metavar="HOST",
        help="allow plain http or an unverified certificate for this host (loopback http needs no flag)",
    )
    group.add_argument("--cert-file", action="append", default=[], metavar="PEM", help="trust these CAs as well")
    group.add_argument(
        "--allow-wrong-arch", action="store_true", help="only warn when an image is for another architecture"
    )
    add_cache_option(group)  # type: ignore[arg-type]  # a group takes arguments as a parser does


def registry_options(args: argparse.Namespace) -> RegistryOptions:
    """Return what the options added by `add_registry_options` say."""
    from lkboard.app.registry_options import RegistryOptions

    return RegistryOptions(
        mirrors=tuple(args.mirror),
        insecure=tuple(args.insecure_registry),
        ca_files=tuple(args.cert_file),
        always_pull=args.pull,
        allow_wrong_arch=args.allow_wrong_arch,
    )
