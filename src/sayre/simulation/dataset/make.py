"""Building of a data set shard by shard, on this machine or on a cluster; a stopped build is resumed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator
from concurrent.futures import as_completed
from pathlib import Path

from sayre._version import __version__
from sayre.errors import InputError, warn
from sayre.extras import optional
from sayre.files.atomic import replacing
from sayre.files.safety.within import only_within, the_only_folder
from sayre.numerics.progress import Advance
from sayre.simulation.cluster import connected
from sayre.simulation.dataset.config import DatasetConfig
from sayre.simulation.dataset.shards import (
    PATTERN,
    clear_leftovers,
    is_shard,
    is_whole,
    shard_path,
    shard_size,
    write_shard,
)
from sayre.simulation.processes import one_thread_each, workers

DESCRIPTION = "dataset.json"


def build(
    config: DatasetConfig,
    folder: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    force: bool = False,
    progress: Advance | None = None,
) -> list[Path]:
    """Make the shards of a data set that are missing.

    The configuration and the number of a shard decide its content, and it is written to a temporary name and
    then moved. A killed run is therefore resumed by the same call, and the patterns are the same for any
    number of workers.

    Parameters
    ----------
    config
        What the data set is made of.
    folder
        Folder of `dataset.json` and the shards `shard-00000.h5`, …; it is made if it does not exist.
    workers
        Processes on this machine.
    scheduler
        Address of a Dask scheduler, instead of `workers`; its workers must see `folder` by the same name.
    force
        Whether another data set in `folder` is removed.
    progress
        Called with the fraction of the shards that are finished.

    Returns
    -------
    Paths of the shards, in order.

    Raises
    ------
    InputError
        As `DatasetConfig.check`; `folder` holds another data set; the scheduler does not answer.

    Warns
    -----
    SayreWarning
        As `DatasetConfig.check`; the data set was begun by another version of Sayre; a shard is damaged, and
        is made again.
    """
    folder = Path(folder).absolute()
    if workers < 1:
        raise InputError(f"workers: must be 1 or more, not {workers}")
    config.check(1 if scheduler else min(workers, config.shard_count))
    _prepare(config, folder, force)
    paths = [shard_path(folder, number) for number in range(config.shard_count)]
    missing = []
    for number, path in enumerate(paths):
        if path.exists():
            clear_leftovers(path)
            if is_whole(path, shard_size(config, number)):
                continue
            warn(f"{path}: is damaged and removed; it is made again")
            path.unlink()
        missing.append(number)
    if scheduler:
        finished = _on_cluster(config, folder, missing, scheduler)
    elif workers == 1 or len(missing) < 2:
        finished = (write_shard(config, folder, number) for number in missing)
    else:
        finished = _in_processes(config, folder, missing, min(workers, len(missing)))
    done = len(paths) - len(missing)
    with contextlib.closing(finished):  # an interrupt outside of it leaves no process that writes
        for _ in finished:
            done += 1
            if progress:
                progress(done / len(paths))
    return paths


def _prepare(config: DatasetConfig, folder: Path, force: bool) -> None:
    """Make the folder and its description, or check that they are those of this configuration."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be made ({error.strerror}); choose another") from None
    description, wanted = folder / DESCRIPTION, json.loads(config.model_dump_json())
    known = _description(description)
    if known is None or known["config"] != wanted:
        shards = sorted(folder.glob(PATTERN))
        if (shards or known is not None) and not force:
            raise InputError(
                f"{folder}: holds another data set ({len(shards)} shards); "
                "choose another folder, or `force=True` to remove it"
            )
        strange = [] if known and known["sayre"] else [shard for shard in shards if not is_shard(shard)]
        if strange:
            raise InputError(f"{strange[0]}: is no shard that Sayre made; move it, or choose another folder")
        for shard in shards:
            shard.unlink()
        text = json.dumps({"sayre": __version__, "config": wanted}, indent=1)
        with replacing(description, force=True) as file:
            file.write(text.encode())
    elif known["sayre"] != __version__:
        warn(
            f"{folder}: the data set was begun by sayre {known['sayre']} and is continued by {__version__}, "
            "whose patterns may differ; the same version, or another folder, would do"
        )


def _description(path: Path) -> dict[str, object] | None:
    """Read the description of a data set; None where there is none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {"sayre": stored["sayre"], "config": stored["config"]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return {"sayre": None, "config": None}


def _in_processes(
    config: DatasetConfig, folder: Path, missing: list[int], count: int
) -> Generator[int, None, None]:
    """Make shards in processes of this machine; yield the number of each that is finished."""
    try:
        with one_thread_each(), workers(count) as submit:
            only = the_only_folder()
            futures = [submit(_write_shard, only, config, folder, number) for number in missing]
            for future in as_completed(futures):
                yield future.result()
    finally:  # no process writes any longer
        for number in missing:
            clear_leftovers(shard_path(folder, number))


def _on_cluster(
    config: DatasetConfig, folder: Path, missing: list[int], scheduler: str
) -> Generator[int, None, None]:
    """Make shards on a Dask cluster; yield the number of each that is finished."""
    client = connected(scheduler)
    distributed = optional("distributed", extra="cluster", task="`scheduler=`")
    only = the_only_folder()
    with client:
        futures = [
            client.submit(_write_shard, only, config, folder, number, key=f"{folder}/{number}", pure=False)
            for number in missing
        ]
        for future in distributed.as_completed(futures, loop=client.loop):
            yield future.result()


def _write_shard(only: str | None, config: DatasetConfig, folder: Path, number: int) -> int:
    """Make a shard in another process, whose files lead to the same folder only."""
    with only_within(None if only is None else Path(only)):
        return write_shard(config, folder, number)
