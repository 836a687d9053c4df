"""Fan-out of live events: Ticketwire and popular servers of Node.js, with the same events and load
client."""
