"""The supervising process of an embedded mesh: supervisor (supervisord.org), driven by a plan on stdin.

`python -P -m collatio.local.supervise`; started by `supervision.py` and by nothing else.

Theory. Supervisor restarts, backs off, stops in order of rank, kills process groups and bounds the logs. Three
things are put around it: (1) its loop looks once a second, which costs a second at the start, at each restart
and at each rank of the stop, so here it also wakes on SIGCHLD and looks often while a state is changing;
(2) it stops when stdin ends, which happens however the command dies; (3) nothing is left behind: a program
that ends takes its process group with it (as systemd's KillMode=control-group does), a killed supervisor takes
its children with it, and orphans are adopted and ended last.
Known ugliness: supervisor has no types and no API for being embedded; its classes are subclassed at the
methods it offers for that (`setpgrp`, `poller`, `runforever`), which 4.3 has had unchanged since 3.0.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import signal
import sys
from contextlib import suppress

from supervisor import events
from supervisor.datatypes import RestartUnconditionally
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ProcessConfig, ProcessGroupConfig, ServerOptions
from supervisor.poller import Poller
from supervisor.process import ProcessGroup, Subprocess
from supervisor.states import ProcessStates, SupervisorStates, getProcessStateDescription
from supervisor.supervisord import Supervisor

from collatio.local.leash import adopt_orphans, die_with_parent, end_descendants
from collatio.local.plan import ALL_ENDED, Change, Plan, ProgramPlan, Rank

LOOK_S = 0.05
LOG_BYTES_MAX = 10 * 1024 * 1024
_SETTLED = {ProcessStates.RUNNING, ProcessStates.FATAL}
_FDS_MAX = 64  # what supervisor closes by hand in each child; all of ours close on exec anyway


class WakingPoller(Poller):  # type: ignore[misc]  # supervisor ships no types
    """Return from poll at once when a child dies, and soon while `restless` is set."""

    def __init__(self, options: ServerOptions) -> None:
        super().__init__(options)
        self.restless = True
        self._wake_fd, signal_fd = os.pipe()
        os.set_blocking(self._wake_fd, False)
        os.set_blocking(signal_fd, False)
        signal.set_wakeup_fd(signal_fd, warn_on_full_buffer=False)

    def poll(self, timeout: float) -> tuple[list[int], list[int]]:
        """Wait for descriptors that can be read or written."""
        self.register_readable(self._wake_fd)
        readable, writable = super().poll(min(timeout, LOOK_S) if self.restless else timeout)
        if self._wake_fd in readable:
            readable.remove(self._wake_fd)
            os.read(self._wake_fd, 4096)
        return readable, writable


class MeshProcess(Subprocess):  # type: ignore[misc]  # supervisor ships no types
    """A process that reports its start with its id; supervisor's own event comes before the fork."""

    def spawn(self) -> int | None:
        """Start the process; None where it could not be made."""
        pid: int | None = super().spawn()
        if pid:
            _report(Change(self.config.name, "starting", pid))
        return pid


class MeshProcessConfig(ProcessConfig):  # type: ignore[misc]  # supervisor ships no types
    """A program's settings that make a `MeshProcess`."""

    def make_process(self, group: ProcessGroup | None = None) -> MeshProcess:
        """Make the process, not yet started."""
        process = MeshProcess(self)
        process.group = group
        return process


class MeshOptions(ServerOptions):  # type: ignore[misc]  # supervisor ships no types
    """Supervisor's options from a plan instead of a file."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.poller = WakingPoller(self)
        self.configfile = io.StringIO(f"[supervisord]\nnodaemon=true\nsilent=true\nminfds={_FDS_MAX}\n")
        self.realize([])
        self.logfile = plan.log
        self.logfile_maxbytes = LOG_BYTES_MAX
        self.logfile_backups = 1
        self.pidfile = os.path.join(plan.folder, "supervisor.pid")  # noqa: PTH118 - supervisor wants a str
        self.nocleanup = True
        self.first = True
        self.test = False
        self.own_pid = os.getpid()
        self.process_group_configs = [self._group(plan, rank) for rank in Rank]

    def setpgrp(self) -> None:
        """Give the child a process group of its own and tie its life to ours; runs in the child."""
        super().setpgrp()
        die_with_parent(self.own_pid)

    def openhttpservers(self, supervisord: Supervisor) -> None:  # noqa: ARG002 - supervisor's signature
        """Open none: orders come over stdin."""
        self.httpservers = ()

    def _group(self, plan: Plan, rank: Rank) -> ProcessGroupConfig:
        members = [self._process(plan, each) for each in plan.programs if each.rank == rank]
        return ProcessGroupConfig(self, rank.name.lower(), int(rank), members)

    def _process(self, plan: Plan, program: ProgramPlan) -> ProcessConfig:
        return MeshProcessConfig(
            self,
            name=program.name,
            command=shlex.join(program.argv),
            environment=program.env,
            directory=plan.folder,
            uid=None,
            umask=0o077,
            priority=0,
            autostart=True,
            autorestart=RestartUnconditionally,
            exitcodes=[0],
            startsecs=program.settle_s,
            startretries=program.start_retries,
            stopsignal=signal.SIGTERM,
            stopwaitsecs=program.stop_wait_s,
            stopasgroup=False,
            killasgroup=True,
            redirect_stderr=True,
            stdout_logfile=program.log,
            stdout_logfile_maxbytes=LOG_BYTES_MAX,
            stdout_logfile_backups=1,
            stdout_capture_maxbytes=0,
            stdout_events_enabled=False,
            stdout_syslog=False,
            stderr_logfile=None,
            stderr_logfile_maxbytes=0,
            stderr_logfile_backups=0,
            stderr_capture_maxbytes=0,
            stderr_events_enabled=False,
            stderr_syslog=False,
        )


class Lifeline:
    """Stdin as supervisor's loop sees it: its end is the order to stop."""

    def __init__(self, options: MeshOptions) -> None:
        self._options = options
        self._open = True

    def readable(self) -> bool:
        """Whether it is still watched."""
        return self._open

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read_event(self) -> None:
        """Begin the stop once the other side is gone."""
        if not os.read(0, 4096):
            self._open = False
            self._options.mood = SupervisorStates.SHUTDOWN

    def handle_error(self) -> None:
        """Treat a broken pipe as an ended one."""
        self._open = False
        self._options.mood = SupervisorStates.SHUTDOWN


class MeshSupervisor(Supervisor):  # type: ignore[misc]  # supervisor ships no types
    """Supervisor that reports each change of state on stdout."""

    def runforever(self) -> None:
        """Run until told to stop and all programs have ended."""
        asyncore.socket_map[0] = Lifeline(self.options)
        events.subscribe(events.ProcessStateEvent, self._changed)
        super().runforever()

    def reap(self, once: bool = False, recursionguard: int = 0) -> None:
        """Reap ended children, then decide how soon to look again."""
        super().reap(once, recursionguard)
        states = {each.state for group in self.process_groups.values() for each in group.processes.values()}
        stopping = self.options.mood < SupervisorStates.RUNNING
        self.options.poller.restless = stopping or not states <= _SETTLED

    def _changed(self, event: events.ProcessStateEvent) -> None:
        process = event.process
        if process.state == ProcessStates.STARTING:
            return
        if process.pid and process.state not in _ALIVE:
            # Its leader was reaped just now; what is left in its group (pool children) has lost its purpose.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        _report(Change(process.config.name, getProcessStateDescription(process.state).lower(), process.pid))


_ALIVE = {ProcessStates.RUNNING, ProcessStates.STOPPING}


def _report(change: Change) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more; stdin's end says so too
        os.write(1, change.to_line())


def main() -> int:
    """Read the plan, run the mesh until stdin ends, leave nothing behind."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return 0
    plan = Plan.from_line(line)
    os.set_inheritable(plan.lock_fd, False)
    adopt_orphans()
    with suppress(asyncore.ExitNow):
        MeshSupervisor(MeshOptions(plan)).main()
    end_descendants()
    _report(ALL_ENDED)
    if plan.remove is not None:
        shutil.rmtree(plan.remove, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
