"""Options that several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from lkboard.app.build_options import BuildOptions
    from lkboard.app.lock import LockOptions
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
    _add_way_options(group)
    group.add_argument(
        "--offline", action="store_true", help="use only what is in the store, no network; also $LKBOARD_OFFLINE=1"
    )
    add_cache_option(group)  # type: ignore[arg-type]  # a group takes arguments as a parser does


def add_way_options(parser: argparse.ArgumentParser) -> None:
    """Add only those of the options that say how registries are reached."""
    _add_way_options(parser.add_argument_group("images"))
    parser.set_defaults(pull=False, offline=False)


def add_insecure_option(group: argparse._ActionsContainer) -> None:
    """Add the option that names registries which need not prove who they are."""
    group.add_argument(
        "--insecure-registry",
        action="append",
        default=[],
        metavar="HOST",
        help="allow plain http or an unverified certificate for this host (loopback http needs no flag)",
    )


def add_certificate_option(group: argparse._ActionsContainer) -> None:
    """Add the option that names authorities which vouch for servers."""
    group.add_argument("--cert-file", action="append", default=[], metavar="PEM", help="trust these CAs as well")


def _add_way_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="[REG=]URL",
        help="fetch images of registry REG (or of all) from here first; also $LINUXKIT_MIRROR",
    )
    group.add_argument(
        "--mirror-only", action="store_true", help="never ask a registry itself that has a mirror, even if that fails"
    )
    add_insecure_option(group)
    add_certificate_option(group)
    group.add_argument(
        "--allow-wrong-arch", action="store_true", help="only warn when an image is for another architecture"
    )


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add what says for which builds a lock is, and what of it is to be made anew."""
    what = parser.add_argument_group("what to lock")
    what.add_argument(
        "--board", action="append", default=[], metavar="ID", help="a board that is built for; may be repeated"
    )
    what.add_argument(
        "-f", "--format", action="append", default=[], metavar="FORMAT", help="an output format, or several: a,b"
    )
    what.add_argument(
        "--arch",
        action="append",
        default=[],
        metavar="ARCH",
        help="an architecture for the formats; may be repeated (default: this machine's)",
    )
    what.add_argument(
        "--update",
        action="append",
        default=[],
        metavar="NAME",
        help="lock this image or Debian package anew, and keep the others; may be repeated (all: --pull)",
    )


def lock_options(args: argparse.Namespace, lock: str | None) -> LockOptions:
    """Return what `add_target_options` and `add_registry_options` ask for; ``lock`` is the file of the lock."""
    from lkboard.app.lock import LockOptions

    return LockOptions(
        files=tuple(args.files),
        boards=tuple(args.board),
        architectures=tuple(args.arch),
        formats=tuple(name for value in args.format for name in value.split(",")),
        output=lock or "",
        update=tuple(args.update),
        cache=args.cache or "",
        registry=registry_options(args),
    )


def add_lock_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a build may use."""
    group = parser.add_argument_group("lock")
    group.add_argument(
        "--locked", action="store_true", help="use exactly what lkboard.lock beside the config names, or fail"
    )
    group.add_argument("--lock", metavar="FILE", help="use exactly what this lock names (see: lkboard lock)")
    group.add_argument(
        "--vendored", metavar="DIR", help="use exactly what is in this folder, and no network (see: lkboard vendor)"
    )


def lock_option(args: argparse.Namespace) -> str | None:
    """Return the lock that `add_lock_options` asks for: empty for the one beside the config, None for no lock."""
    return "" if args.lock is None and args.locked else args.lock


def registry_options(args: argparse.Namespace) -> RegistryOptions:
    """Return what the options added by `add_registry_options` say."""
    from lkboard.app.registry_options import RegistryOptions

    return RegistryOptions(
        mirrors=tuple(args.mirror),
        mirror_only=args.mirror_only,
        insecure=tuple(args.insecure_registry),
        ca_files=tuple(args.cert_file),
        always_pull=args.pull,
        allow_wrong_arch=args.allow_wrong_arch,
        offline=args.offline,
    )


def add_system_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say for what a system is made, and what it may be made of."""
    group = parser.add_argument_group("the system")
    group.add_argument("--board", default="", metavar="ID", help="the board that it is for (see: lkboard boards)")
    group.add_argument(
        "--arch", default="", metavar="ARCH", help="architecture of the images; this machine's by default"
    )
    add_lock_options(parser)
    add_registry_options(parser)


def system_options(args: argparse.Namespace, *files: str) -> BuildOptions:
    """Return what the options added by `add_system_options` say, for some config files."""
    from lkboard.app.build_options import BuildOptions

    return BuildOptions(
        files=files,
        board=args.board,
        architecture=args.arch,
        cache=args.cache or "",
        lock=lock_option(args),
        vendored=args.vendored or "",
        registry=registry_options(args),
    )
