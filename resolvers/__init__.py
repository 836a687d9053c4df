"""The verbs of the API: one plain async function per root field."""
