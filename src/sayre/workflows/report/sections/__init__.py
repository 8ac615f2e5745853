"""The sections of the page, one module each; a section is None where there is nothing for it to tell."""

from __future__ import annotations

from sayre.retrieval.settings import Settings
from sayre.workflows.outcome import RunOutcome


def settings_of(outcome: RunOutcome) -> Settings:
    """Settings of the phase retrieval that tell which voxels were left free."""
    known = {
        name: outcome.manifest.config[name] for name in ("free", "seed") if name in outcome.manifest.config
    }
    return Settings(**known)
