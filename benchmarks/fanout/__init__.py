"""Fan-out of live events: our server and the usual ones of Node.js in turn, the same events and the same load client."""
