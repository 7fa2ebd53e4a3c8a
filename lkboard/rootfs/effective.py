"""Which setting of a container counts: the config's, the image label's or the image's own (build.md section 3.5)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from lkboard.config.label import LABEL
from lkboard.errors import ConfigError, ImageConflict, LkboardError, Problem
from lkboard.model.config import BindNamespaces, Options, Runtime

if TYPE_CHECKING:
    from lkboard.config.values import InvalidValue
    from lkboard.model.config import Container, Places
    from lkboard.model.image import ImageConfig

_NON_EMPTY_WINS = frozenset(["cwd", "net", "ipc", "uts", "userns", "pid", "hostname"])
_ROOT = "root"


@dataclass(frozen=True, slots=True)
class Effective:
    """A container with the settings that count.

    ``location`` is its place in the config (``services[0]``), ``options`` what counts, ``label`` what its image says.
    """

    location: str
    container: Container
    options: Options
    label: Options

    def is_from_label(self, field: str, item: object = None) -> bool:
        """Return whether the label decided a field of `Options`; of a joined list, whether ``item`` is the label's."""
        own = self.container.options
        if is_set(field, getattr(own, field)) or getattr(self.label, field) is None:
            return False
        return item is None or item not in (getattr(own, f"{field}_add", None) or ())

    def fault(self, field: str, invalid: InvalidValue, item: object = None) -> LkboardError:
        """Return the error for the value of a field of `Options`, or for one item of a list, naming who wrote it."""
        name = _yaml_name(field)
        if self.is_from_label(field, item):
            where = f"{self.container.image.reference}, label {LABEL}: {name}"
            return ImageConflict(invalid.message, where=where, hint=invalid.hint or None)
        if getattr(self.container.options, field) is None:
            name += ".add"
        return config_fault(self.container.places, self.location, name, invalid.message, invalid.hint)


def effective(location: str, container: Container, label: Options, image: ImageConfig) -> Effective:
    """Return the settings of a container that count."""
    own = container.options
    chosen: dict[str, Any] = {field.name: _first(field.name, own, label) for field in fields(Options)}
    chosen |= {
        "capabilities": _joined(own.capabilities, label.capabilities, own.capabilities_add),
        "capabilities_add": None,
        "binds": _joined(own.binds, label.binds, own.binds_add),
        "binds_add": None,
        "runtime": _runtime(own.runtime or Runtime(), label.runtime or Runtime()),
        "cwd": chosen["cwd"] or image.working_dir or "/",
    }
    chosen |= {name: chosen[name] or _ROOT for name in ("net", "ipc", "uts", "userns")}
    if chosen["command"] is None:
        chosen["command"] = (image.entrypoint or ()) + (image.cmd or ())
    if chosen["env"] is None:
        chosen["env"] = image.env
    return Effective(location, container, Options(**chosen), label)


def is_set(field: str, value: object) -> bool:
    """Return whether a value of `Options` wins over what comes after it: some fields cannot be cleared."""
    return bool(value) if field in _NON_EMPTY_WINS else value is not None


def config_fault(places: Places, location: str, field: str, message: str, hint: str = "") -> ConfigError:
    """Return the error for a field of an entry of the config; ``location`` is the entry's (``files[0]``)."""
    path = location.replace("[", ".").removesuffix("]")
    return ConfigError([Problem(places.of(field), f"{path}.{field}", message, hint, "config.value")])


def _first(field: str, own: object, label: object) -> object:
    value = getattr(own, field)
    return value if is_set(field, value) else getattr(label, field)


def _joined(
    own: tuple[str, ...] | None, label: tuple[str, ...] | None, own_addition: tuple[str, ...] | None
) -> tuple[str, ...]:
    return own if own is not None else (label or ()) + (own_addition or ())


def _runtime(own: Runtime, label: Runtime) -> Runtime:
    names = {field.name: _first(field.name, own.bind_ns, label.bind_ns) for field in fields(BindNamespaces)}
    chosen: dict[str, Any] = {field.name: _first(field.name, own, label) for field in fields(Runtime)}
    return replace(Runtime(**chosen), bind_ns=BindNamespaces(**names))  # type: ignore[arg-type]


def _yaml_name(field: str) -> str:
    """Return the name of a field of `Options` as it is written in YAML (``no_new_privileges``: ``noNewPrivileges``)."""
    first, *others = field.split("_")
    return first + "".join(part.capitalize() for part in others)
