// graphql-ws on ws, set up as in its documentation: useServer over a WebSocketServer, without deflate
// (the default of ws). The events come from a minimal async iterator.
import { makeExecutableSchema } from "@graphql-tools/schema";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { control, port, typeDefs } from "./service.mjs";

const subscribers = new Set();

class EventQueue {
  queue = [];
  waiting = null;

  constructor() {
    subscribers.add(this);
  }

  push(value) {
    if (this.waiting === null) return this.queue.push(value);
    const waiting = this.waiting;
    this.waiting = null;
    return waiting({ value, done: false });
  }

  next() {
    if (this.queue.length > 0) return Promise.resolve({ value: this.queue.shift(), done: false });
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  return() {
    subscribers.delete(this);
    this.waiting?.({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

const resolvers = {
  Subscription: { ticketStatusChanged: { subscribe: () => new EventQueue(), resolve: (event) => event } },
};
const schema = makeExecutableSchema({ typeDefs, resolvers });

useServer({ schema }, new WebSocketServer({ host: "127.0.0.1", port, path: "/graphql", backlog: 4096 }));
control((event) => {
  for (const subscriber of subscribers) subscriber.push(event);
});
