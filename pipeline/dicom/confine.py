"""What a process that decodes foreign pixels may not do, on Linux: reach a network, start programs, look into others.

A decoder that a file has taken over can then neither send what it sees nor start anything. It is a filter of system
calls (seccomp, kernel's Documentation/userspace-api/seccomp_filter.rst): no privilege is needed, it cannot be undone,
and threads and children inherit it. Where the platform has none the process runs on without it, and says so.
"""

import ctypes
import errno
import platform
import resource
import struct
import sys
from dataclasses import dataclass
from typing import Final

_NO_NEW_PRIVILEGES: Final = 38
_SET_SECCOMP: Final = 22
_FILTER: Final = 2
"""Arguments of prctl (linux/prctl.h)."""
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of classic BPF (linux/bpf_common.h): load a word, jump if equal or not less, return."""
_NUMBER_AT, _MACHINE_AT = 0, 4
"""Bytes of seccomp_data where the number of the call and the machine stand."""
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_OTHER_TABLE: Final = 0x40000000
"""From this number on x86-64 has the calls of its 32-bit form."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """A machine's number for audits, and those of its system calls that are refused."""

    audit: int
    calls: tuple[int, ...]


_MACHINES: Final = {
    # socket, execve, ptrace, process_vm_readv, process_vm_writev, execveat, io_uring_setup
    "x86_64": _Machine(0xC000003E, (41, 59, 101, 310, 311, 322, 425)),
    "aarch64": _Machine(0xC00000B7, (198, 221, 117, 270, 271, 281, 425)),
}
"""asm/unistd_64.h, asm-generic/unistd.h and linux/audit.h."""


def confine() -> bool:
    """Refuse this process sockets, new programs and other processes' memory from here on; whether it could be had."""
    machine = _MACHINES.get(platform.machine())
    if machine is None or sys.platform != "linux":
        return False
    program = _program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return False
    if prctl(_NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0))) != 0:
        return False
    return bool(prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER), pointer) == 0)


def limit_address_space(most: int) -> None:
    """Let allocations beyond `most` bytes fail, a backstop: threads count here that use no memory."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    within = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (within, hard))


def _program(machine: _Machine) -> bytes:
    """The filter; jumps count instructions to leave out when a test holds and when not."""
    steps = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUAL, 1, 0, machine.audit), (_RETURN, 0, 0, _REFUSE)]
    steps += [(_LOAD, 0, 0, _NUMBER_AT), (_AT_LEAST, len(machine.calls) + 1, 0, _OTHER_TABLE)]
    for index, call in enumerate(machine.calls):
        steps.append((_EQUAL, len(machine.calls) - index, 0, call))
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
