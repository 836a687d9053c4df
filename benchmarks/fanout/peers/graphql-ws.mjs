// graphql-ws on ws, as its documentation sets it up: useServer over a WebSocketServer, deflate off (the default of ws). The events
// come from the leanest source that an async iterator can have.
import { makeExecutableSchema } from "@graphql-tools/schema";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { control, port, typeDefs } from "./service.mjs";

const followers = new Set();

class Follower {
  queue = [];
  waiting = null;

  constructor() {
    followers.add(this);
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
    followers.delete(this);
    this.waiting?.({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

const resolvers = { Subscription: { ticketStatusChanged: { subscribe: () => new Follower(), resolve: (event) => event } } };
const schema = makeExecutableSchema({ typeDefs, resolvers });

useServer({ schema }, new WebSocketServer({ host: "127.0.0.1", port, path: "/graphql", backlog: 4096 }));
control((event) => {
  for (const follower of followers) follower.push(event);
});
