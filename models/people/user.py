"""Users, the organizations of customers, and API clients."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.core.words import WordsField

ERASED_NAME = "Erased person"
ERASED_DOMAIN = "erased.invalid"
"""The domain of the addresses of erased people. RFC 2606 reserves .invalid: no mail arrives."""


class Role(Enum):
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


class Organization(Model):
    """A customer's company. If it is `shared`, its members see each other's tickets."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    shared = fields.BooleanField(default=False)
    external_id = fields.CharField(max_length=255, null=True, unique=True)
    active = fields.BooleanField(default=True, db_default=True)
    """Whether new users may be added. An archived organization keeps its members and tickets."""
    matches_domains = fields.BooleanField(default=False, db_default=False)
    """Whether users with a verified address at one of its domains become members."""
    version = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "organizations"
        table_description = "Organizations of customers"


class User(Model):
    """A person.

    `email` is in lower case. `password_hash` is an argon2id hash in PHC form, or null if the user
    has no password.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    email = fields.CharField(max_length=320, unique=True)
    display_name = fields.CharField(max_length=200)
    role = fields.CharEnumField(Role, max_length=16, default=Role.CUSTOMER)
    organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    organization_id: UUID | None
    password_hash = fields.CharField(max_length=255, null=True)
    active = fields.BooleanField(default=True)
    present = fields.BooleanField(default=True, db_default=True)
    """Whether the user is available: the server may assign tickets to the user automatically."""
    external_id = fields.CharField(max_length=255, null=True, unique=True)
    locale = fields.CharField(max_length=35, null=True)
    """A BCP 47 language tag, such as de-CH."""
    time_zone = fields.CharField(max_length=64, null=True)
    """An IANA name, such as Europe/Berlin."""
    successor: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    """The user who takes over the open tickets of a deactivated user."""
    successor_id: UUID | None
    handover_pending = fields.BooleanField(default=False, db_default=False)
    """Whether workers.handover must still hand over open tickets of this user."""
    created_at = InstantField(default=now)
    name_words = WordsField("display_name")
    version = fields.IntField(default=1, db_default=1)
    """Starts at 1. Each change by `RecordChanges` raises it, in all models that have a version."""

    class Meta:
        table = "users"
        table_description = "Users"
        indexes = (("organization_id",), ("handover_pending",), ("display_name", "id"))

    @property
    def is_staff(self) -> bool:
        """Whether the user is an active agent or admin; only these can be assigned tickets."""
        return self.active and self.role is not Role.CUSTOMER

    @property
    def is_erased(self) -> bool:
        """Whether `erasePerson` has replaced the name and the address of the user."""
        return self.email.endswith(f"@{ERASED_DOMAIN}")


class ApiClient(Model):
    """A program that uses the API with its own token."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    display_name = fields.CharField(max_length=200, unique=True)
    active = fields.BooleanField(default=True)
    created_at = InstantField(default=now)
    version = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "api_clients"
        table_description = "API clients"


async def lock_user(key: UUID | None, *path: str) -> User:
    """The user with this key, whose row is locked. Raises InvalidInput for the field `path`."""
    user = await User.select_for_update(no_key=True).get_or_none(id=key) if key else None
    if user is None:
        raise no_such_user(*path)
    return user


def no_such_user(*path: str) -> InvalidInput:
    return InvalidInput(UserErrorCode.NOT_FOUND, "There is no such user.", *path)
