// PostGraphile 5 with its default preset over Ticketwire's tables, as its guide describes. A database function creates
// tickets, as is usual for PostGraphile's custom mutations.
//
// PostGraphile 5 requires Node 22. On Node 20 these operations lack only Promise.withResolvers, which is defined below.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { postgraphile } from "postgraphile";

Promise.withResolvers ??= function withResolvers() {
  const result = {};
  result.promise = new this((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
};

const server = createServer();
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, poolConfig: { max: 10 } })],
  grafserv: { graphiql: false, watch: false },
};
const serv = postgraphile(preset).createServ(grafserv);
await serv.addTo(server);
server.listen(Number(process.argv[2]), "127.0.0.1");
