// PostGraphile 5 over Ticketwire's tables with its own preset, as its guide sets it up. A new ticket is raised by a function in the
// database, as PostGraphile has custom mutations.
//
// PostGraphile 5 asks for Node 22. All it misses in Node 20 for what is asked here is Promise.withResolvers, which stands in below.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { postgraphile } from "postgraphile";

Promise.withResolvers ??= function withResolvers() {
  const found = {};
  found.promise = new this((resolve, reject) => Object.assign(found, { resolve, reject }));
  return found;
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
