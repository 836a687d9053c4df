"""The queries for jobs. `Query` in schema/queries/query.py inherits them."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.jobs
from models.access.permissions import READ_OR_CANCEL_JOBS
from schema.fields import query
from schema.pagination import Connection
from schema.types.jobs import JobType


@strawberry.type
class JobQueries:
    job: Any = query(
        resolvers.jobs.job,
        READ_OR_CANCEL_JOBS,
        "The job with this id. Null if there is none, or if the viewer may not see it. Users and "
        "API clients see their own jobs; admins and API clients with the scope `admin` see all.",
        JobType | None,
        arguments={"id": "The id of the job."},
    )
    jobs: Any = query(
        resolvers.jobs.jobs,
        READ_OR_CANCEL_JOBS,
        "The jobs that the viewer started, newest first, in pages of up to 100. Admins and API "
        "clients with the scope `admin` see the jobs of everyone. A job is deleted 30 days (by "
        "default) after its end.",
        Connection[JobType],
        arguments={
            "statuses": "Returns jobs with one of these statuses. Default: all statuses.",
            "kinds": "Returns jobs of these kinds. Default: all kinds.",
            "own": "Whether to return only the jobs that the viewer started. Default: false.",
        },
    )
