"""Starts the erasure of a person: the account is erased at once, a job does the rest."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from models.audit.directory_event import DirectoryEvent
from models.audit.entry import Origin
from models.bulk.creation import build_job, check_waiting_limit
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.directory.access import lock_directory
from models.erasure.account import erase_account
from models.erasure.job import ErasureParameters, ErasureReport
from models.erasure.terms import Terms, list_texts
from models.jobs.caller_job import CallerJob, JobKind
from models.people.user import Role, User, lock_user
from models.queries.records import caller_jobs
from models.retention.policy import RetentionPolicy


async def start_erasure(
    changes: RecordChanges,
    origin: Origin,
    user_id: UUID | None,
    reason: str,
    at: datetime,
    *,
    dry_run: bool,
) -> CallerJob:
    """Create the job that erases a person, and erase the account unless it is a dry run.

    The actor must be an admin. Agents and admins must be deactivated before, so that others have
    taken over their tickets, and an active admin remains. Raises InvalidInput.
    """
    actor = origin.actor
    await caller_jobs.lock_jobs(actor)
    await check_waiting_limit(actor, changes.limits)
    await lock_directory(actor)
    user = await lock_user(user_id, "userId")
    earlier = await find_jobs(user.id)
    check_erasable(user, earlier)
    is_customer = user.role is Role.CUSTOMER and not await was_staff(user)
    parameters = build_parameters(user, reason, earlier, is_customer=is_customer)
    check_reason(parameters)
    job = build_job(actor, JobKind.ERASE_PERSON, at)
    job.dry_run = dry_run
    job.parameters, job.report = parameters.to_json(), ErasureReport().to_json()
    await job.save(force_create=True)
    if not dry_run:
        for each in earlier:  # the new job has the address and the name that they have kept
            await forget_person(each)
        await deactivate_policies(changes, Terms(parameters.address, parameters.name), at)
        await erase_account(changes, origin, user, reason, at)
    return job


async def deactivate_policies(changes: RecordChanges, terms: Terms, at: datetime) -> None:
    """Deactivate the retention policies whose filter has the person's name or address, in any case.

    The erasure removes such texts and tags from tickets. A policy that left them out would then
    erase these tickets, before the erasure reaches the table of policies.
    """
    active = RetentionPolicy.select_for_update(no_key=True).filter(active=True)
    for policy in await active.order_by("id"):
        if any(map(terms.remain_in, list_texts(policy.ticket_filter))):
            policy.updated_at = at
            await changes.update(policy, active=False)
            await policy.save(update_fields=["updated_at"])


async def find_jobs(user_id: UUID) -> list[CallerJob]:
    """The jobs that erase a person, newest first."""
    jobs = await CallerJob.filter(kind=JobKind.ERASE_PERSON).order_by("-id")
    return [job for job in jobs if ErasureParameters.of(job).user_id == str(user_id)]


def check_erasable(user: User, earlier: list[CallerJob]) -> None:
    """Raises InvalidInput for `userId`."""
    message = None
    if user.role is not Role.CUSTOMER and user.active:
        message = "is an active agent or admin. Deactivate the user first."
    elif any(job.is_active for job in earlier):
        message = "is being erased already. Follow that job, or wait for its end."
    if message is not None:
        raise InvalidInput(UserErrorCode.INVALID, message, "userId")


async def was_staff(user: User) -> bool:
    """Whether the user has ever been an agent or admin, according to the directory events."""
    staff = {Role.AGENT.name, Role.ADMIN.name}
    events = await DirectoryEvent.filter(record_id=user.id)
    return any(not staff.isdisjoint(each.changes.get("role", ())) for each in events)


def build_parameters(
    user: User, reason: str, earlier: list[CallerJob], *, is_customer: bool
) -> ErasureParameters:
    """The parameters of the job. An erased user has lost the address and the name; an earlier job
    that left something has kept them."""
    address, name = user.email, user.display_name
    if user.is_erased:
        kept = [each for each in map(ErasureParameters.of, earlier) if each.address]
        address, name = (kept[0].address, kept[0].name) if kept else ("", "")
    return ErasureParameters(str(user.id), reason, is_customer, address, name)


def check_reason(parameters: ErasureParameters) -> None:
    """Raises InvalidInput for `reason`."""
    if Terms(parameters.address, parameters.name).occur_in(parameters.reason):
        message = "must not contain the person's name or address, because the log keeps the reason"
        raise InvalidInput(UserErrorCode.INVALID, message, "reason")


async def forget_person(job: CallerJob) -> None:
    """Remove the address and the name from the parameters of a job that has ended."""
    parameters = ErasureParameters.of(job)
    anonymous = ErasureParameters(parameters.user_id, parameters.reason, parameters.is_customer)
    job.parameters = anonymous.to_json()
    await job.save(update_fields=["parameters"])
