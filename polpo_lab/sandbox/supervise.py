"""The process that stands above every run. Run as a script, alone.

``python -I -S supervise.py LIFELINE LIMITS PROGRAM ...`` starts the program in a session
of its own, collects whatever it leaves behind (it is the subreaper), and ends all of it
when the program ends or when the lifeline closes: by request, or because the server died
of anything, kill -9 included. It imports nothing of the package, to start fast.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GIVE_UP_SECONDS = 5.0


def start(program: list[str], limits: dict[str, int], libc: ctypes.CDLL) -> int:
    """Start the program with its limits; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        for name, value in limits.items():
            which = getattr(resource, name)
            hard = resource.getrlimit(which)[1]
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (bound, bound))
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        os.write(2, f"{program[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def scan() -> dict[int, tuple[int, int]]:
    """Return each process's parent and its resident pages, as /proc shows them now."""
    found: dict[int, tuple[int, int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  (five times as fast, several times a second)
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123  (the same)
                    # The name in brackets may hold anything: fields count from the last one.
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if fields:  # empty when it ended between open and read
                found[int(name)] = (int(fields[1]), int(fields[21]))
    return found


def descendants(root: int, processes: dict[int, tuple[int, int]]) -> list[int]:
    """Return every process of a scan that is below ``root``."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    front = [root]
    while front:
        front = [child for pid in front for child in children.get(pid, ())]
        found += front
    return found


def send(pids: list[int], number: int) -> None:
    """Signal processes, those already gone left out."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):  # gone, or it changed its user
            continue


def end_tree(root: int) -> None:
    """Kill all below ``root``; stopped first, so that none outruns the walk."""
    stopped: list[int] = []
    while set(found := descendants(root, scan())) - set(stopped):
        send(found, signal.SIGSTOP)
        stopped = found
    send(stopped, signal.SIGKILL)


def end_all() -> None:
    """Kill and reap until nothing is left, or only what cannot be killed."""
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < give_up:
        end_tree(os.getpid())
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def reap(main_pid: int) -> int | None:
    """Collect what has ended; return the program's exit code once it has."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == main_pid:
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code  # as shells and bubblewrap say it


def main() -> int:
    """Supervise one program; return its exit code."""
    lifeline, limits, program = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.set_inheritable(lifeline, False)
    main_pid = start(program, limits, libc)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):  # standard error stays, for a fault of this script
        os.dup2(null, fd)
    poll = select.poll()  # select() ends at descriptor 1024, which a busy server exceeds
    poll.register(lifeline, select.POLLIN)
    poll.register(woken, select.POLLIN)
    code = None
    try:
        while code is None:
            readable = {fd for fd, _ in poll.poll()}
            if lifeline in readable:
                code = 128 + signal.SIGKILL
            elif woken in readable:
                os.read(woken, 4096)
                code = reap(main_pid)
    finally:
        end_all()
    return code


if __name__ == "__main__":
    sys.exit(main())
