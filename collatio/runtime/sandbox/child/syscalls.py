"""System calls a parser has no business making, by their numbers on the two architectures we know.

Sources: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. A call
that an architecture lacks is None there. A denylist, because an allowlist breaks with each libc, Python and
allocator; what matters is that the sandbox's other walls do not rest on this one.
"""

from __future__ import annotations

from typing import NamedTuple


class Numbers(NamedTuple):
    """One call's number on each architecture."""

    x86_64: int | None
    aarch64: int | None


_N = Numbers

FORBIDDEN = {
    # other processes, and becoming another
    "ptrace": _N(101, 117),
    "process_vm_readv": _N(310, 270),
    "process_vm_writev": _N(311, 271),
    "kcmp": _N(312, 272),
    "pidfd_open": _N(434, 434),
    "pidfd_getfd": _N(438, 438),
    "pidfd_send_signal": _N(424, 424),
    "process_madvise": _N(440, 440),
    "process_mrelease": _N(448, 448),
    "tkill": _N(200, 130),
    "rt_sigqueueinfo": _N(129, 138),
    "rt_tgsigqueueinfo": _N(297, 240),
    "execve": _N(59, 221),
    "execveat": _N(322, 281),
    "fork": _N(57, None),
    "vfork": _N(58, None),
    "personality": _N(135, 92),
    # the network
    "socket": _N(41, 198),
    "connect": _N(42, 203),
    "bind": _N(49, 200),
    "listen": _N(50, 201),
    "accept": _N(43, 202),
    "accept4": _N(288, 242),
    # what outlives the sandbox: System V and POSIX queues, keys
    "shmget": _N(29, 194),
    "shmat": _N(30, 196),
    "shmctl": _N(31, 195),
    "semget": _N(64, 190),
    "semop": _N(65, 193),
    "semctl": _N(66, 191),
    "semtimedop": _N(220, 192),
    "msgget": _N(68, 186),
    "msgsnd": _N(69, 189),
    "msgrcv": _N(70, 188),
    "msgctl": _N(71, 187),
    "mq_open": _N(240, 180),
    "mq_unlink": _N(241, 181),
    "add_key": _N(248, 217),
    "request_key": _N(249, 218),
    "keyctl": _N(250, 219),
    # changing files: the part Landlock does not know, and all of it where there is no Landlock
    "chmod": _N(90, None),
    "fchmod": _N(91, 52),
    "fchmodat": _N(268, 53),
    "fchmodat2": _N(452, 452),
    "chown": _N(92, None),
    "fchown": _N(93, 55),
    "lchown": _N(94, None),
    "fchownat": _N(260, 54),
    "utime": _N(132, None),
    "utimes": _N(235, None),
    "futimesat": _N(261, None),
    "utimensat": _N(280, 88),
    "setxattr": _N(188, 5),
    "lsetxattr": _N(189, 6),
    "fsetxattr": _N(190, 7),
    "setxattrat": _N(463, 463),
    "removexattr": _N(197, 14),
    "lremovexattr": _N(198, 15),
    "fremovexattr": _N(199, 16),
    "removexattrat": _N(466, 466),
    "unlink": _N(87, None),
    "unlinkat": _N(263, 35),
    "rename": _N(82, None),
    "renameat": _N(264, 38),
    "renameat2": _N(316, 276),
    "mkdir": _N(83, None),
    "mkdirat": _N(258, 34),
    "rmdir": _N(84, None),
    "mknod": _N(133, None),
    "mknodat": _N(259, 33),
    "symlink": _N(88, None),
    "symlinkat": _N(266, 36),
    "link": _N(86, None),
    "linkat": _N(265, 37),
    "truncate": _N(76, 45),
    "creat": _N(85, None),
    # the machine
    "unshare": _N(272, 97),
    "setns": _N(308, 268),
    "mount": _N(165, 40),
    "umount2": _N(166, 39),
    "pivot_root": _N(155, 41),
    "chroot": _N(161, 51),
    "open_tree": _N(428, 428),
    "move_mount": _N(429, 429),
    "fsopen": _N(430, 430),
    "fsconfig": _N(431, 431),
    "fsmount": _N(432, 432),
    "fspick": _N(433, 433),
    "mount_setattr": _N(442, 442),
    "swapon": _N(167, 224),
    "swapoff": _N(168, 225),
    "reboot": _N(169, 142),
    "kexec_load": _N(246, 104),
    "kexec_file_load": _N(320, 294),
    "init_module": _N(175, 105),
    "finit_module": _N(313, 273),
    "delete_module": _N(176, 106),
    "iopl": _N(172, None),
    "ioperm": _N(173, None),
    "modify_ldt": _N(154, None),
    "syslog": _N(103, 116),
    "acct": _N(163, 89),
    "quotactl": _N(179, 60),
    "settimeofday": _N(164, 170),
    "clock_settime": _N(227, 112),
    "adjtimex": _N(159, 171),
    "clock_adjtime": _N(305, 266),
    "sethostname": _N(170, 161),
    "setdomainname": _N(171, 162),
    "vhangup": _N(153, 58),
    "fanotify_init": _N(300, 262),
    # parts of the kernel with a history of holes
    "bpf": _N(321, 280),
    "perf_event_open": _N(298, 241),
    "userfaultfd": _N(323, 282),
    "io_uring_setup": _N(425, 425),
    "io_uring_enter": _N(426, 426),
    "io_uring_register": _N(427, 427),
    "name_to_handle_at": _N(303, 264),
    "open_by_handle_at": _N(304, 265),
}
"""Refused to the zygote and its forks with EPERM, whatever their arguments."""

ABSENT = {"clone3": _N(435, 435), "openat2": _N(437, 437)}
"""Refused with ENOSYS: their arguments lie in memory no filter can read, and C libraries fall back."""

READING = {"open": _N(2, None), "openat": _N(257, 56), "prlimit64": _N(302, 261)}
"""Refused unless they only read: `seccomp.py` says which argument tells."""

OF_FORKS = {
    "clone": _N(56, 220),
    "kill": _N(62, 129),
    "tgkill": _N(234, 131),
    "prctl": _N(157, 167),
    "setsid": _N(112, 157),
    "setpgid": _N(109, 154),
}
"""What the zygote needs and its forks do not; some stay allowed for one's own process."""
