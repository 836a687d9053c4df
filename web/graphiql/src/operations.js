// The tabs: the operations of docs/operations, in the order of their names.
const sources = import.meta.glob("../../../docs/operations/*.graphql", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const operations = Object.keys(sources)
  .sort()
  .map((path) => ({ query: sources[path], variables: "", headers: "" }));
