"""The embedded server's settings, from the memory and the cores there are."""

import os
import shutil
import sys
from pathlib import Path

PORT = 5432
MIB = 1024**2
GIB = 1024**3


def available_memory() -> int:
    """Return the bytes of memory that there are for this machine or container."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        file = Path("/sys/fs/cgroup") / limit
        if file.is_file() and (text := file.read_text(encoding="utf-8").strip()).isdigit():
            sizes.append(int(text))
    return min(sizes)


def settings(sockets: Path) -> dict[str, str | int]:
    """Return PostgreSQL's settings: private, safe after a crash, and made for loading in bulk on this machine."""

    memory = available_memory()
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1

    def share(parts: int, least: int, most: int) -> str:
        return f"{max(least, min(most, memory // parts)) // MIB}MB"

    # PostgreSQL shares memory between workers there; containers often get 64 MB.
    shared = Path("/dev/shm")
    small_shared = shared.is_dir() and shutil.disk_usage(shared).total < GIB
    return {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": f'"{sockets}"',
        "unix_socket_permissions": "0700",
        "shared_buffers": share(4, 128 * MIB, 8 * GIB),
        "effective_cache_size": share(2, 256 * MIB, memory),
        "work_mem": share(64, 16 * MIB, 512 * MIB),
        "maintenance_work_mem": share(16, 64 * MIB, 2 * GIB),
        "dynamic_shared_memory_type": "mmap" if small_shared else "posix",
        "max_parallel_workers": cores,
        # Measured on two cores: one worker is slower than none.
        "max_parallel_workers_per_gather": 0 if cores < 4 else min(4, cores // 2),
        "max_parallel_maintenance_workers": 0 if cores < 4 else min(4, cores // 2),
        # Nobody replicates this server, so a new table is written once and not to the log as well.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "wal_compression": "on",
        "max_wal_size": "4GB",
        "min_wal_size": "512MB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        # Statements and rows may hold identifiers: their errors go to the client, and the log stays small.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
        "log_autovacuum_min_duration": -1,
    }
