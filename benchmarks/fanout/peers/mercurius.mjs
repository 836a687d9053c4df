// Mercurius on Fastify with its own in-memory pub/sub (subscription: true). Its JIT is on, although it
// only compiles queries.
import Fastify from "fastify";
import mercurius from "mercurius";
import { control, port, typeDefs } from "./service.mjs";

const topic = "ticketStatusChanged";
const app = Fastify({ logger: false });
const resolvers = {
  Subscription: {
    ticketStatusChanged: { subscribe: (_root, _args, { pubsub }) => pubsub.subscribe(topic), resolve: (event) => event },
  },
};

app.register(mercurius, { schema: typeDefs, resolvers, jit: 1, subscription: true });
await app.listen({ host: "127.0.0.1", port, backlog: 4096 });
control((event) => app.graphql.pubsub.publish({ topic, payload: event }));
