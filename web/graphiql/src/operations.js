// The tabs: the operations of docs/operations with their variables, in the order of their names.
const sources = import.meta.glob("../../../docs/operations/*.graphql", {
  query: "?raw",
  import: "default",
  eager: true,
});
const variables = import.meta.glob("../../../docs/operations/*.json", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const operations = Object.keys(sources)
  .sort()
  .map((path) => ({
    query: sources[path],
    variables: variables[path.replace(/graphql$/, "json")] ?? "",
    headers: "",
  }));
