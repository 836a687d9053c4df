// GraphQL Yoga with graphql-ws, set up as in Yoga's documentation (execute and subscribe come from
// getEnveloped), and with its own createPubSub. Its logging is off.
import { createServer } from "node:http";
import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";
import { control, port, typeDefs } from "./service.mjs";

const pubSub = createPubSub();
const resolvers = {
  Subscription: {
    ticketStatusChanged: { subscribe: () => pubSub.subscribe("ticketStatusChanged"), resolve: (event) => event },
  },
};
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
const server = createServer(yoga);

useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
server.listen({ host: "127.0.0.1", port, backlog: 4096 });
control((event) => pubSub.publish("ticketStatusChanged", event));
