"""An nbdkit plugin (Python, API 2): a disk in memory with faults that a JSON file names at each request.

{"fail_write": [offset, errno name], "fail_read": [offset, errno name], "fail_flush": true, "flip_read": offset,
 "flip_write": offset, "wraps_at": size, "drop_from": offset, "delay": seconds}
"""

# ruff: noqa: ANN001, ANN201, ANN202
import errno
import json
import pathlib
import time

import nbdkit

API_VERSION = 2
_settings = {}
_disk = bytearray()


def config(key, value):
    _settings[key] = value


def config_complete():
    _disk.extend(b"\xa5" * int(_settings["size"]))


def thread_model():
    return nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS


def open(_readonly):  # noqa: A001 - the name is the interface
    return 1


def get_size(_handle):
    return len(_disk)


def can_flush(_handle):
    return True


def _faults():
    path = pathlib.Path(_settings["faults"])
    faults = json.loads(path.read_text()) if path.exists() else {}
    time.sleep(faults.get("delay", 0))
    return faults


def _fail(name):
    number = getattr(errno, name)
    nbdkit.set_error(number)
    raise OSError(number, name)


def _fail_at(fault, offset, count):
    if fault and offset <= fault[0] < offset + count:
        _fail(fault[1])


def pread(_handle, buffer, offset, _flags):
    faults = _faults()
    _fail_at(faults.get("fail_read"), offset, len(buffer))
    start = offset % faults.get("wraps_at", len(_disk))
    buffer[:] = _disk[start : start + len(buffer)]
    flip = faults.get("flip_read", -1)
    if offset <= flip < offset + len(buffer):
        buffer[flip - offset] ^= 4


def pwrite(_handle, buffer, offset, _flags):
    faults = _faults()
    _fail_at(faults.get("fail_write"), offset, len(buffer))
    if offset >= faults.get("drop_from", len(_disk)):
        return
    data = bytearray(buffer)
    flip = faults.get("flip_write", -1)
    if offset <= flip < offset + len(data):
        data[flip - offset] ^= 4
    start = offset % faults.get("wraps_at", len(_disk))
    _disk[start : start + len(data)] = data


def flush(_handle, _flags):
    if _faults().get("fail_flush"):
        _fail("EIO")
