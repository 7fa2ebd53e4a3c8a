"""The cgroup limits of a container as the runtime-spec has them (config-linux.md, "Control groups")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkboard.rootfs.json_text import without_empty

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lkboard.model.config import BlockIo, Cpu, DeviceRule, Memory, Network, Resources, ThrottleDevice

_PAGE_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))


def resources_json(resources: Resources, further_devices: Sequence[DeviceRule]) -> dict[str, Any]:
    """Return ``linux.resources``; ``further_devices`` are the rules that follow from the container's devices."""
    pages = [{"pageSize": _page_size(item.page_size), "limit": item.limit} for item in resources.hugepage_limits]
    members = {
        "devices": [_rule(rule) for rule in (*resources.devices, *further_devices)] or None,
        "memory": _memory(resources.memory) if resources.memory else None,
        "cpu": _cpu(resources.cpu) if resources.cpu else None,
        "pids": {"limit": resources.pids_limit} if resources.pids_limit is not None else None,
        "blockIO": _block_io(resources.block_io) if resources.block_io else None,
        "hugepageLimits": pages or None,
        "network": _network(resources.network) if resources.network else None,
    }
    return {name: member for name, member in members.items() if member is not None}


def _rule(rule: DeviceRule) -> dict[str, Any]:
    members = {"type": rule.type, "major": rule.major, "minor": rule.minor, "access": rule.access}
    return {"allow": rule.allow} | without_empty(members)


def _memory(memory: Memory) -> dict[str, Any]:
    return without_empty(
        {
            "limit": memory.limit,
            "reservation": memory.reservation,
            "swap": memory.swap,
            "kernel": memory.kernel,
            "kernelTCP": memory.kernel_tcp,
            "swappiness": memory.swappiness,
            "disableOOMKiller": memory.disable_oom_killer or None,  # false is what the runtime does anyway
        }
    )


def _cpu(cpu: Cpu) -> dict[str, Any]:
    return without_empty(
        {
            "shares": cpu.shares,
            "quota": cpu.quota,
            "period": cpu.period,
            "realtimeRuntime": cpu.realtime_runtime,
            "realtimePeriod": cpu.realtime_period,
            "cpus": cpu.cpus,
            "mems": cpu.mems,
        }
    )


def _block_io(limits: BlockIo) -> dict[str, Any]:
    weights = [
        without_empty({"major": item.major, "minor": item.minor, "weight": item.weight, "leafWeight": item.leaf_weight})
        for item in limits.weight_devices
    ]
    return without_empty(
        {
            "weight": limits.weight,
            "leafWeight": limits.leaf_weight,
            "weightDevice": weights,
            "throttleReadBpsDevice": _throttles(limits.throttle_read_bps),
            "throttleWriteBpsDevice": _throttles(limits.throttle_write_bps),
            "throttleReadIOPSDevice": _throttles(limits.throttle_read_iops),
            "throttleWriteIOPSDevice": _throttles(limits.throttle_write_iops),
        }
    )


def _throttles(devices: Iterable[ThrottleDevice]) -> list[dict[str, int]]:
    return [{"major": item.major, "minor": item.minor, "rate": item.rate} for item in devices]


def _network(network: Network) -> dict[str, Any]:
    priorities = [{"name": item.name, "priority": item.priority} for item in network.priorities]
    return without_empty({"classID": network.class_id, "priorities": priorities})


def _page_size(size: int) -> str:
    """Return a size in bytes as ``2MB``: the runtime-spec wants a text where LinuxKit's schema has a number."""
    unit, name = next(((unit, name) for unit, name in _PAGE_UNITS if size and size % unit == 0), (1, "B"))
    return f"{size // unit}{name}"
