"""A fresh fork gives up everything but its socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from collatio.runtime.sandbox.child import landlock
from collatio.runtime.sandbox.child.bounds import DESCRIPTORS_MAX
from collatio.runtime.sandbox.child.plan import die_with_parent, name_process

if TYPE_CHECKING:
    from collatio.runtime.sandbox.child.plan import Plan

CHANNEL = 3
"""The descriptor of the sandbox's socket; 0 to 2 are /dev/null."""


def confine(plan: Plan, channel: int, zygote: int) -> None:
    """Enter the planned walls, in an order in which none forbids the next. Raises OSError if one refuses.

    A session of its own makes one process group of all that might be forked.
    """
    os.setsid()
    kernel = plan.kernel
    if kernel is not None:
        die_with_parent(kernel)
        if os.getppid() != zygote:
            os._exit(1)  # it died before the death signal was asked for
        if plan.name is not None:
            name_process(kernel, plan.name)
        if plan.ruleset is not None:
            landlock.enter(kernel, plan.ruleset)
    os.dup2(1, 2)
    os.dup2(channel, CHANNEL)
    os.closerange(CHANNEL + 1, DESCRIPTORS_MAX)
    if kernel is not None and plan.filter is not None:
        plan.filter.enter(kernel)
