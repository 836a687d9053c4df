"""The input CustomFieldFilter and its parts."""

from __future__ import annotations

import strawberry

from schema.filtering.conditions import DateFilter, FloatFilter, StringFilter, optional_condition


@strawberry.input(
    description="Conditions on the options of a ticket, by their keys; all that are given must "
    "hold."
)
class OptionsFilter:
    some: list[str] | None = optional_condition(
        "The ticket has at least one of these options. An empty list matches nothing."
    )
    every: list[str] | None = optional_condition("The ticket has all of these options.")
    none: list[str] | None = optional_condition(
        "The ticket has none of these options, or no value."
    )


@strawberry.input(
    description="Conditions on the value of one custom field; all that are given must hold. A "
    "condition for another type than that of the field is one on a field without a value. So is "
    "each condition if there is no field with the key, or if the viewer may not see its values."
)
class CustomFieldFilter:
    key: str = strawberry.field(description="The key of the custom field.")
    text: StringFilter | None = optional_condition("Conditions on the value of a TEXT.")
    number: FloatFilter | None = optional_condition("Conditions on the value of a NUMBER.")
    boolean: bool | None = optional_condition("The value of a BOOLEAN is this one.")
    date: DateFilter | None = optional_condition("Conditions on the value of a DATE.")
    options: OptionsFilter | None = optional_condition(
        "Conditions on the options of a SELECT or MULTI_SELECT."
    )
    null: bool | None = optional_condition(
        "True: the ticket has no value. False: the ticket has a value, of any type."
    )
