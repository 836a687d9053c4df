"""Who there is: people, the organizations that customers belong to, and machines with tokens of their own."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField, now


class Role(Enum):
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


class Organization(Model):
    """A customer's account. Where it is shared, its members see one another's tickets."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    shared = fields.BooleanField(default=False)
    external_id = fields.CharField(max_length=255, null=True, unique=True)

    class Meta:
        table = "organizations"
        table_description = "Customers accounts"


class User(Model):
    """A person. The e-mail is in lower case; `password_hash` is argon2id in PHC form, or null where no password opens."""

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
    """Whether tickets may be given to this person by rules now."""
    created_at = InstantField(default=now)

    class Meta:
        table = "users"
        table_description = "People"

    @property
    def is_staff(self) -> bool:
        """Whether this person may be given tickets."""
        return self.active and self.role is not Role.CUSTOMER


class ApiClient(Model):
    """A machine: an integrator's program."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    display_name = fields.CharField(max_length=200, unique=True)
    active = fields.BooleanField(default=True)
    created_at = InstantField(default=now)

    class Meta:
        table = "api_clients"
        table_description = "Machines"
