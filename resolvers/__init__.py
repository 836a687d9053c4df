"""The resolvers: one async function for each root field of the schema."""
