"""``lkboard cache``: the store of images, which LinuxKit and skopeo read as well."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from lkboard.cli.command import Command
from lkboard.cli.options import add_cache_option, add_registry_options, registry_options
from lkboard.cli.streams import Output, check_output, wait_for_input
from lkboard.cli.tables import one_line
from lkboard.model.units import human_size

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from lkboard.cli.render import Ui
    from lkboard.events import Job
    from lkboard.model.stored import StoredImage

_READ_SIZE = 1 << 20
_FREED = {
    "blob": "blobs that no image needs",
    "derived": "unpacked and compressed data",
    "partial": "unfinished downloads",
    "temporary": "files left by killed runs",
    "quarantine": "damaged blobs",
    "lock": "locks",
    "record": "records",
}


def _list(args: argparse.Namespace, ui: Ui, _job: Job) -> int:
    from lkboard.app.cache import list_cache

    images = list_cache(args.cache or "")
    _print(images, ui)
    if not images:
        ui.say("the store is empty; fill it: lkboard cache pull REF, or lkboard cache import FILE")
    return 0


def _print(images: Sequence[StoredImage], ui: Ui) -> None:
    names = [one_line(image.name) for image in images]
    width = max(map(len, names), default=0)
    for image, known_as in zip(images, names, strict=True):
        name = known_as or "(no name)"
        digest = image.digest if not image.name else image.digest[:19]
        about = one_line(image.fault) or " ".join(
            one_line(one.platform) + ("" if one.is_complete else " (incomplete)") for one in image.platforms
        )
        ui.result(f"{name:<{width}}  {digest}  {human_size(image.size_bytes):>9}  {about}".rstrip(), **asdict(image))


def _add_rm_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="a name, or the digest of an image without one")
    add_cache_option(parser)


def _remove(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.cache import remove_names

    for name in remove_names(args.names, args.cache or "", job):
        ui.result(f"removed {one_line(name)}", removed=name)
    ui.say("their space is freed, an hour after their last use, by: lkboard cache gc")
    return 0


def _add_gc_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be freed")
    parser.add_argument(
        "--keep-days",
        type=int,
        metavar="N",
        help="keep what was used in the last N days, and free derived data that was not (default: an hour, and all)",
    )
    parser.add_argument(
        "--keep-bytes", metavar="SIZE", help="free derived data, the least recently used first, down to this size"
    )
    add_cache_option(parser)


def _collect(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.cache import GcOptions, collect_garbage
    from lkboard.model.units import parse_size

    keep_bytes = None if args.keep_bytes is None else parse_size(args.keep_bytes, "--keep-bytes", least=0)
    freed = collect_garbage(GcOptions(args.keep_days, keep_bytes, args.dry_run, args.cache or ""), job)
    for one in freed:
        ui.result(f"{human_size(one.size_bytes):>9}  {_FREED[one.kind]} ({one.count})", **asdict(one))
    total = sum(one.size_bytes for one in freed)
    verb = "would free" if args.dry_run else "freed"
    ui.result(f"{human_size(total):>9}  {verb} in all", dry_run=args.dry_run, total_bytes=total)
    return 0


def _verify(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.cache import repair_of, verify_cache

    found = verify_cache(args.cache or "", job)
    for damage in found.damaged:
        needed = f"needed by {', '.join(damage.images)}" if damage.images else "needed by no image"
        ui.result(one_line(f"damaged, put away: {damage.digest}  {needed}"), **asdict(damage))
    for gap in found.gaps:
        whose = " ".join(filter(None, (gap.image, gap.platform)))
        ui.result(one_line(f"incomplete: {whose}  lacks {', '.join(gap.missing)}"), **asdict(gap))
    counts = {"damaged": len(found.damaged), "incomplete": len(found.gaps)}
    said = ", ".join(f"{count} {what}" for what, count in counts.items())
    ui.result(
        f"{found.files} files, {human_size(found.size_bytes)}, {said}",
        files=found.files,
        size_bytes=found.size_bytes,
        damaged_count=len(found.damaged),
        incomplete_count=len(found.gaps),
    )
    repairs = {repair_of(name) for damage in found.damaged for name in damage.images}
    repairs |= {repair_of(gap.image, gap.platform) for gap in found.gaps}
    for repair in sorted(repairs):
        ui.say(one_line(repair))
    return 1 if found.damaged or found.gaps else 0


def _add_platforms(parser: argparse.ArgumentParser, help_text: str) -> None:
    parser.add_argument(
        "--arch", "--platform", dest="platforms", action="append", default=[], metavar="ARCH|all", help=help_text
    )


def _add_pull_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="REF", help="an image, as configs name it")
    _add_platforms(parser, "only this one (arm64, linux/arm/v7); may be repeated (default: all that the image has)")
    add_registry_options(parser)


def _pull(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.cache_transfer import PullOptions, pull_images

    options = PullOptions(tuple(args.names), tuple(args.platforms), args.cache or "", registry_options(args))
    _print(pull_images(options, job), ui)
    return 0


def _add_import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="FILE|DIR|-", help="an OCI layout (folder or tar) or what 'docker save' writes; - for stdin"
    )
    parser.add_argument(
        "--name", default="", metavar="NAME", help="what to call the image, if the archive has only one"
    )
    add_cache_option(parser)


def _import(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.cache_transfer import import_images

    for name in import_images(args.source, args.name, args.cache or "", job, stdin=_standard_input(job)):
        ui.result(f"imported {one_line(name)}", imported=name)
    return 0


def _standard_input(job: Job) -> Iterator[bytes]:
    """Yield what comes through standard input. Raises `Cancelled`, also while nothing comes."""
    while True:
        wait_for_input(job)
        data = os.read(sys.stdin.fileno(), _READ_SIZE)
        if not data:
            return
        yield data


def _add_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="REF", help="an image that is in the store")
    parser.add_argument(
        "-o", "--o", "--outfile", dest="output", required=True, metavar="FILE", help="where to; - for standard output"
    )
    parser.add_argument(
        "--format",
        choices=("oci", "docker", "filesystem"),
        default="oci",
        help="an OCI layout, what 'docker load' reads, or only the files (default: %(default)s)",
    )
    _add_platforms(parser, "only this one; 'docker' and 'filesystem' have one (default: what is there)")
    parser.add_argument("--name", dest="as_name", default="", metavar="NAME", help="another name, in the archive")
    add_cache_option(parser)


def _export(args: argparse.Namespace, ui: Ui, job: Job) -> int:
    from lkboard.app.cache_transfer import ExportOptions, export_image

    to_stdout = args.output == "-"
    if to_stdout:
        check_output(is_json=ui.is_json)
    options = ExportOptions(args.name, args.output, args.format, tuple(args.platforms), args.as_name, args.cache or "")
    artifact = export_image(options, job, stdout=Output(job) if to_stdout else None)
    if artifact:
        text = f"{artifact.path}  {human_size(artifact.size_bytes)}"
        ui.result(text, path=artifact.path, format=artifact.format, size_bytes=artifact.size_bytes)
    return 0


COMMAND = Command(
    name="cache",
    group="boards and images",
    summary="list, fetch, import, export, check and clean up the images on this machine",
    example="lkboard cache ls",
    children=(
        Command(
            name="ls",
            group="",
            summary="list the images with digest, size and platforms",
            example="lkboard cache ls --json",
            add_arguments=add_cache_option,
            run=_list,
        ),
        Command(
            name="pull",
            group="",
            summary="fetch images into the store, for builds without a network",
            example="lkboard cache pull linuxkit/init:v1.1 --arch arm64",
            add_arguments=_add_pull_arguments,
            run=_pull,
        ),
        Command(
            name="import",
            group="",
            summary="bring images of an archive or folder into the store; LinuxKit's cache is such a folder",
            example="lkboard cache import ~/.linuxkit/cache",
            add_arguments=_add_import_arguments,
            run=_import,
        ),
        Command(
            name="export",
            group="",
            summary="write an image as an archive, the same bytes every time",
            example="lkboard cache export linuxkit/init:v1.1 -o init.tar",
            add_arguments=_add_export_arguments,
            run=_export,
        ),
        Command(
            name="rm",
            group="",
            summary="remove images by name; 'gc' frees their space",
            example="lkboard cache rm linuxkit/init:v1.1",
            add_arguments=_add_rm_arguments,
            run=_remove,
        ),
        Command(
            name="gc",
            group="",
            summary="free what no image needs, and what killed runs left",
            example="lkboard cache gc --keep-bytes 10G",
            add_arguments=_add_gc_arguments,
            run=_collect,
        ),
        Command(
            name="verify",
            group="",
            summary="read every blob again, put damaged ones away, and name images that lack some",
            example="lkboard cache verify",
            add_arguments=add_cache_option,
            run=_verify,
        ),
    ),
)
