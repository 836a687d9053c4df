"""The active SLA policies in memory, to update clocks without the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.sla import policies
from models.sla.records import SlaPolicy
from models.sla.snapshot import PolicySnapshot
from models.sla.state_machine import TicketClocks
from models.sla.update import (
    SlaChange,
    apply_change,
    can_change_policy,
    has_clock_input,
    set_terms,
)


@dataclass(frozen=True)
class PolicySet:
    """The active policies, in the order in which they apply, and their snapshots by digest."""

    policies: Sequence[SlaPolicy]
    snapshots: Mapping[str, PolicySnapshot]

    @classmethod
    async def read(cls) -> PolicySet:
        active = await policies.list_policies()
        return cls(active, await policies.read_snapshots({policy.terms for policy in active}))

    def new_clocks(self) -> TicketClocks:
        """Return the clocks of a ticket that does not exist yet."""
        return TicketClocks(self.snapshots.__getitem__)

    def update_clocks(self, change: SlaChange, clocks: TicketClocks) -> None:
        """Do what `models.sla.update.update_clocks` does, for one change.

        `clocks` are the ticket's clocks before the change.
        """
        if can_change_policy(change):
            set_terms(change, policies.select_terms(self.policies, change.ticket))
        if change.advances_clocks or has_clock_input(change):
            apply_change(change, clocks)
