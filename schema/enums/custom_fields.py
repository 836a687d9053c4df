"""Enums of custom fields."""

from __future__ import annotations

from models.custom_fields.custom_field import CustomerAccess, CustomFieldType, RequiredAt
from schema.enums.registration import register_enum

register_enum(
    CustomFieldType,
    "CustomFieldType",
    "The type of the values of a custom field.",
    {
        "TEXT": "A text of one line, by default at most 500 characters.",
        "NUMBER": "A number of at most 15 digits, between -1e15 and 1e15.",
        "BOOLEAN": "True or false.",
        "DATE": "A calendar date.",
        "SELECT": "One of the options.",
        "MULTI_SELECT": "One or more of the options.",
    },
)
register_enum(
    CustomerAccess,
    "CustomFieldAccess",
    "What customers may do with a custom field of the tickets that they see.",
    {
        "HIDDEN": "Nothing: the field does not exist for customers. Its values and their changes "
        "are also hidden from tokens without the scope `notes:read`.",
        "VISIBLE": "Customers see the value.",
        "EDITABLE": "Customers see the value, and set it in createTicket and updateTicket.",
    },
)
register_enum(
    RequiredAt,
    "CustomFieldRequirement",
    "When a ticket must have a value of a custom field.",
    {
        "CREATION": "When a person creates a ticket without an external id, and when a ticket is "
        "resolved. Customers need to set only values that they may set.",
        "RESOLUTION": "When a ticket is resolved.",
    },
)
