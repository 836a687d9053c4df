// Mercurius tuned by hand: prepared statements join tickets with their to-one relations, and messages with their authors.
// Instants stay strings. Only messages have a loader. With BEST set, a statement joins only what the operation selects.
import pg from "pg";
import { page, position, serve } from "./schema.mjs";
import { create, joined, joinedTicket, messagesWithAuthors, newestOf, rows } from "./store-postgres.mjs";

pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11, -3)}Z`);

const ALL = ["team", "category", "requester"];
/** Statements by the relations that they join. */
const statements = new Map();

/** The relations of tickets that the operation selects, at whichever depth; all of them without BEST. */
function relationsOf(info) {
  if (!process.env.BEST) return ALL;
  const found = new Set();
  const visit = (node) => {
    for (const each of node.selectionSet?.selections ?? []) {
      if (each.kind === "Field") found.add(each.name.value);
      visit(each.kind === "FragmentSpread" ? info.fragments[each.name.value] : each);
    }
  };
  info.fieldNodes.forEach(visit);
  return ALL.filter((name) => found.has(name));
}

function statementFor(info) {
  const relations = relationsOf(info);
  const name = `joined ${relations}`;
  if (!statements.has(name)) statements.set(name, { name, text: joined(relations) });
  return statements.get(name);
}

async function byNumber(number, { name, text }) {
  const [row] = await rows(`${name} ticket`, `${text} WHERE t.number = $1`, [number]);
  return row ? joinedTicket(row) : null;
}

async function newest(count, after, { name, text }) {
  return (await newestOf(`${name} page`, text, count, after)).map(joinedTicket);
}

const resolvers = {
  Query: {
    ticketByNumber: (_root, { number }, _context, info) => byNumber(number, statementFor(info)),
    tickets: async (_root, { first, after }, _context, info) =>
      page(await newest(first + 1, position(after), statementFor(info)), first),
  },
  Mutation: {
    createTicket: async (_root, { input }, _context, info) => ({
      ticket: await byNumber((await create(input)).number, statementFor(info)),
    }),
  },
};
const messages = (queries) => messagesWithAuthors(queries.map(({ obj }) => obj.id), queries[0].params.first);

await serve(resolvers, { Ticket: { messages: { loader: messages, opts: { cache: false } } } });
