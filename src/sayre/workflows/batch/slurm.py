"""What a job of SLURM asks for, in the words of dask-jobqueue."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from sayre.data.toml import FromToml


class SlurmConfig(FromToml):
    """Jobs of SLURM that do scans; an unknown key is refused.

    Attributes
    ----------
    jobs
        Number of jobs.
    cores, memory, walltime, processes
        Of a job: its cores, its memory ("16GB"), its time ("04:00:00"), and how many scans it does at a time.
    queue, account
        Partition and account, where the cluster asks for them.
    interface
        Network interface of the nodes, `ib0` or so.
    python
        Interpreter on the nodes; by default the one of this process.
    local_directory, log_directory
        Folder for temporary files on a node, and for the logs of the jobs.
    job_script_prologue
        Lines of the job before it starts Python: modules to load, an environment.
    job_extra_directives
        Further `#SBATCH` options, such as `--gres=gpu:1`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    example: ClassVar[str] = "docs/howto/many-scans.md has an example"

    jobs: Annotated[int, Field(ge=1)]
    cores: Annotated[int, Field(ge=1)]
    memory: Annotated[str, Field(min_length=1)]
    walltime: Annotated[str, Field(min_length=1)]
    processes: Annotated[int, Field(ge=1)] = 1
    queue: str | None = None
    account: str | None = None
    interface: str | None = None
    python: str | None = None
    local_directory: str | None = None
    log_directory: str | None = None
    job_script_prologue: tuple[str, ...] = ()
    job_extra_directives: tuple[str, ...] = ()

    @property
    def of_cluster(self) -> dict[str, Any]:
        """Arguments of `dask_jobqueue.SLURMCluster`."""
        given = self.model_dump(exclude={"jobs"}, exclude_none=True)
        lists = {name: list(value) for name, value in given.items() if isinstance(value, tuple)}
        return {**given, **lists, "worker_extra_args": ["--nthreads", "1"]}
