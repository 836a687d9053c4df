"""Compiled plans: operations executed by SQL statements and generated functions.

A plan replaces graphql-core's walk over every field. docs/plans.md explains how plans work, in
which order to read the modules, and how to debug them.
"""

from engine.execution.plans.planner import CoreFallback, Planner
from engine.execution.plans.schema_map import SchemaMap, TypeByColumn

__all__ = ["CoreFallback", "Planner", "SchemaMap", "TypeByColumn"]
