"""Compiled plans: a validated operation as statements and generated functions, in place of graphql-core's walk over each field.

Someone who knows graphql-core reads them in this order: planner (an operation's plan, and when it is given up), selection (what
each field of a selection set becomes), layout and readers (statements and their rows), children (what takes more than a row),
calls (resolvers), inputs (variables), build (the generated code). docs/decisions/0021 says what this beats and by how much.
"""
