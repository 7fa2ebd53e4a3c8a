"""``lkboard kit``: the starter kit, images made of Debian packages for machines without access to a registry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_cache_option, add_certificate_option, add_insecure_option
from lkboard.model.units import human_size

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lkboard.app.kit import KitImage
    from lkboard.cli.render import Ui
    from lkboard.events import Job


def _add_build_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--arch",
        action="append",
        default=[],
        metavar="ARCH",
        help="amd64 or arm64; may be repeated (default: all boards')",
    )
    parser.add_argument(
        "--lock", metavar="FILE", help="record package versions here (with --locked: take them from here)"
    )
    parser.add_argument("--locked", action="store_true", help="use exactly the packages of the lock, or fail")
    add_cache_option(parser)


def _build(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.kit import KitOptions, build_kit

    options = KitOptions(tuple(args.arch), args.lock or "", args.locked, args.cache or "")
    _print(build_kit(options, job), ui)
    return 0


def _add_push_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("registry", metavar="REGISTRY[/PREFIX]", help="where to; the prefix is 'lkboard' by default")
    add_insecure_option(parser)
    add_certificate_option(parser)
    add_cache_option(parser)


def _push(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.kit import push_kit
    from lkboard.app.registry_options import RegistryOptions

    options = RegistryOptions(insecure=tuple(args.insecure_registry), ca_files=tuple(args.cert_file))
    for reference in push_kit(args.registry, args.cache or "", options, job):
        ui.result(f"pushed {reference}", pushed=str(reference))
    return 0


def _list(args: argparse.Namespace, ui: Ui, _job: Job) -> int:
    from lkboard.app.kit import list_kit

    images = list_kit(args.cache or "")
    if not images:
        ui.say("there is no kit in the store; make it: lkboard kit build")
    _print(images, ui)
    return 0


def _print(images: Sequence[KitImage], ui: Ui) -> None:
    for image in images:
        name = image.name.removeprefix("docker.io/")
        first = " ".join(image.packages[0]) if image.packages else ""
        ui.result(f"{name:<20} {image.architecture:<6} {human_size(image.size_bytes):>9}  {first}", **asdict(image))


COMMAND = Command(
    name="kit",
    group="boards and images",
    summary="build, push and list the starter kit: images made of Debian packages, no registry needed",
    example="lkboard kit build",
    children=(
        Command(
            name="build",
            group="",
            summary="make the kit's images from the host's Debian mirrors into the store",
            example="lkboard kit build --lock kit.lock",
            add_arguments=_add_build_arguments,
            run=_build,
        ),
        Command(
            name="push",
            group="",
            summary="push the kit's images to a registry",
            example="lkboard kit push localhost:5000/team",
            add_arguments=_add_push_arguments,
            run=_push,
        ),
        Command(
            name="ls",
            group="",
            summary="list the kit's images in the store",
            example="lkboard kit ls",
            add_arguments=add_cache_option,
            run=_list,
        ),
    ),
)
