"""What the audit log says about jobs of callers."""

from __future__ import annotations

from support import Client, Service, World
from support.actors import api_client_token
from support.admin_mutations import run_mutation
from support.jobs import run_caller_jobs

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import AuditEntry
from models.people.user import ApiClient


async def start(client: Client, ticket_id: str, priority: str) -> str:
    change = {"priority": priority}
    return str(
        (await run_mutation(client, "bulkUpdateTickets", ids=[ticket_id], change=change))["id"]
    )


async def cancel(client: Client, job_id: str) -> None:
    query = "mutation($id: ID!) { cancelJob(input: {jobId: $id}) { userErrors { code } } }"
    assert (await client.run(query, id=job_id))["cancelJob"]["userErrors"] == []


async def test_what_an_admin_does_with_the_job_of_another_is_audited(
    service: Service, world: World
) -> None:
    ada, root = service.client(world.ada.token), service.client(world.root.token)
    program = service.client(await api_client_token("Other", ["tickets:write"]))
    ticket_id = (await service.client(world.cora.token).raise_ticket())["id"]
    of_ada = await start(ada, ticket_id, "LOW")
    await cancel(program, await start(program, ticket_id, "LOW"))
    of_program = await start(program, ticket_id, "HIGH")
    await cancel(root, of_program)
    await cancel(root, of_program)
    await run_caller_jobs()
    await run_mutation(root, "undoJob", jobId=of_ada)
    found = await AuditEntry.filter(action__in=("cancelJob", "undoJob")).order_by("id")
    by_root = [(each.action, each.record_id, each.changes) for each in found]
    client = await ApiClient.get(display_name="Other")
    assert by_root == [
        ("cancelJob", client.id, {"job": [None, f"{of_program} cancelled"]}),
        ("undoJob", world.ada.id, {"job": [None, f"{of_ada} undone"]}),
    ]
    assert {each.actor_user_id for each in found} == {world.root.id}
    assert await DirectoryEvent.filter(record_id=world.ada.id).count() == 0
