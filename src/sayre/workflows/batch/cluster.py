"""Where the scans of a batch are done: processes of this machine, or jobs of SLURM."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sayre.errors import InputError
from sayre.extras import optional
from sayre.files.atomic import replacing
from sayre.numerics.slabs import cores
from sayre.simulation.processes import interrupts_held
from sayre.workflows.batch.slurm import SlurmConfig

TASK = "sayre batch"
TRIES = 3
"""A scan that ended so many processes is not tried again."""
SCRIPT = "slurm.sh"
"""The job that SLURM is given, in the folder of the batch."""


@contextlib.contextmanager
def on_this_machine(count: int) -> Iterator[Any]:
    """Yield a client of processes of this machine, which end with the `with` block.

    Ctrl-C interrupts this process alone. A process that dies is started again.

    Parameters
    ----------
    count
        Number of processes.
    """
    dask, distributed = optional("dask", extra="cluster", task=TASK), _distributed()
    threads = str(max(1, cores() // count))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    with dask.config.set(_settings()):
        with interrupts_held():  # the processes inherit it
            cluster = distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,  # a run knows what memory it needs
                silence_logs="CRITICAL",
                env={name: os.environ.get(name, threads) for name in names},
            )
        with _closing(cluster), distributed.Client(cluster, set_as_default=False) as client:
            yield client


@contextlib.contextmanager
def by_slurm(config: SlurmConfig, folder: Path) -> Iterator[Any]:
    """Yield a client of jobs of SLURM, which are cancelled when the `with` block is left.

    Parameters
    ----------
    config
        What a job asks for.
    folder
        Where the script of the jobs is written.
    """
    dask, distributed = optional("dask", extra="cluster", task=TASK), _distributed()
    jobqueue = optional("dask_jobqueue", extra="cluster", task="`slurm=`")
    with dask.config.set(_settings()):
        try:
            cluster = jobqueue.SLURMCluster(**config.of_cluster)
        except (ValueError, RuntimeError, OSError) as error:
            raise InputError(f"`slurm=`: {' '.join(str(error).split())}") from None
        with _closing(cluster), distributed.Client(cluster, set_as_default=False) as client:
            with replacing(folder / SCRIPT, force=True) as file:
                file.write(cluster.job_script().encode())
            cluster.scale(jobs=config.jobs)
            yield client


def _distributed() -> Any:
    return optional("distributed", extra="cluster", task=TASK)


def _settings() -> dict[str, Any]:
    """A scan waits until a process is free, so that none pays for what another one did to its process.

    A process that died may take long to start again on a busy machine; it is not given up.
    """
    return {
        "distributed.deploy.lost-worker-timeout": "1h",
        "distributed.scheduler.allowed-failures": TRIES - 1,
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.worker.profile.enabled": False,
    }


@contextlib.contextmanager
def _closing(cluster: Any) -> Iterator[None]:
    """End the processes of a cluster at once when the block is left."""
    try:
        yield
    finally:
        with contextlib.suppress(TimeoutError):  # what is left then ends with this process
            cluster.close(timeout=30)
