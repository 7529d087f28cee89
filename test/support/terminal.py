"""Runs a command on a new terminal, plays a script of what a person types, prints what the terminal showed.

usage: terminal.py COMMAND... < SCRIPT

Each line of SCRIPT is one JSON array: ["expect", REGEX] waits until the screen shows it after what was expected before,
["type", TEXT] types, ["size", ROWS, COLUMNS] resizes, ["flags", NAME] notes the terminal's settings and whether its
open file is non-blocking ("before" and "end" are noted always), ["kill", SIGNAL] sends it to the foreground process
group, ["close"], as the last one, closes the terminal, ["running"] waits until another process group than the shell's has
the terminal, and none of its processes is stopped (what is typed before that, the shell would get);
["running", "inner"] the same for a shell that was the last one to be so. What was noted, the screen and how the command
ended go to stdout as JSON.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios

def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def flags(terminal):
    attributes = termios.tcgetattr(terminal)
    characters = [byte if isinstance(byte, int) else byte.hex() for byte in attributes[6]]
    # The file status flags belong to the open file: the command inherited exactly this one.
    return {"termios": attributes[:6] + [characters], "open_file": oct(fcntl.fcntl(terminal, fcntl.F_GETFL))}


def groups():
    """Of every process: its state, its process group, and whether it ignores SIGTSTP."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                    state, _, group = file.read().rpartition(")")[2].split()[:3]
                with open(f"/proc/{name}/status", encoding="latin-1") as file:
                    ignored = next((int(line[8:], 16) for line in file if line.startswith("SigIgn:")), 0)
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield state, int(group), ignored >> (signal.SIGTSTP - 1) & 1


def kill_session(leader):
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.getsid(int(name)) == leader:
                    os.kill(int(name), signal.SIGKILL)
            except ProcessLookupError:
                continue


def is_running(master, nobody, inner):
    foreground = os.tcgetpgrp(master)
    found = [(state, ignores) for state, group, ignores in groups() if group == foreground]
    # What a shell has only forked so far still ignores ^Z, as the shell does: it would be lost.
    forked = inner and any(ignores for _, ignores in found)
    return foreground not in nobody and found and not forked and not {state for state, _ in found} & set("TZ")


def main():
    steps = [json.loads(line) for line in sys.stdin if line.strip()]
    master, terminal = pty.openpty()
    set_size(master, 33, 111)
    noted = {"before": flags(terminal)}
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(terminal, fd)
        os.closerange(3, 256)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvp(sys.argv[1], sys.argv[1:])

    foreground = child
    screen, seen, missing = "", 0, None
    for step in steps:
        if step[0] == "type":
            os.write(master, step[1].encode())
        elif step[0] == "size":
            set_size(master, step[1], step[2])
        elif step[0] == "flags":
            noted[step[1]] = flags(terminal)
        elif step[0] == "kill":
            os.killpg(os.tcgetpgrp(master), getattr(signal, step[1]))
        elif step[0] == "close":
            os.close(master)
            master = None
        elif step[0] == "running":
            shells = [child] if step == ["running"] else [child, foreground]
            for _ in range(1000):
                if is_running(master, shells, len(shells) > 1):
                    break
                select.select([], [], [], 0.01)
            else:
                missing = "a running command"
                break
            if step == ["running"]:
                foreground = os.tcgetpgrp(master)
        else:
            while True:
                found = re.compile(step[1], re.MULTILINE).search(screen, seen)
                if found:
                    seen = found.end()
                    break
                ready, _, _ = select.select([master], [], [], 10)
                if not ready:
                    missing = step[1]
                    break
                screen += os.read(master, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
            if missing is not None:
                break
    status = None
    for _ in range(200 if missing is None else 0):
        ready, _, _ = select.select([] if master is None else [master], [], [], 0.05)
        if ready:
            screen += os.read(master, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        pid, ended = os.waitpid(child, os.WNOHANG)
        if pid:
            status = ended
            break
    else:
        missing = missing or "the end"
        # The shell and its jobs are one session, as nobody here makes another one.
        kill_session(child)
        _, status = os.waitpid(child, 0)
    if master is not None:
        noted["end"] = flags(terminal)
    answer = {"screen": screen, "flags": noted, "missing": missing}
    if os.WIFEXITED(status):
        answer["status"] = os.WEXITSTATUS(status)
    else:
        answer["signal"] = os.WTERMSIG(status)
    json.dump(answer, sys.stdout)


main()
