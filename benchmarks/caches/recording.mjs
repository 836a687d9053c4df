// Runs the model check's simulation, and records what a client sends and receives.
import { ModelTransport } from "../../clients/typescript/build/tests/model/network.js";
import { Simulation } from "../../clients/typescript/build/tests/model/simulation.js";
import { Random } from "../../clients/typescript/build/tests/model/random.js";

let steps = [];

const { execute, subscribe } = ModelTransport.prototype;
ModelTransport.prototype.execute = async function (request) {
  const own = steps;
  const id = own.length;
  own.push({ type: "request", id, request });
  try {
    const response = await execute.call(this, request);
    own.push({
      type: "response",
      id,
      request,
      data: response.data,
      cursor: response.extensions?.cursor,
    });
    return response;
  } catch (error) {
    own.push({ type: "failure", id, request });
    throw error;
  }
};
ModelTransport.prototype.subscribe = function (request, sink) {
  const own = steps;
  let isOpen = true;
  const next = (response) => {
    if (isOpen) own.push({ type: "item", request, data: response.data });
    sink.next(response);
  };
  const end = subscribe.call(this, request, { ...sink, next, error: (error) => sink.error(error) });
  return () => {
    isOpen = false;
    end();
  };
};

/** Returns the steps of one run, and the tickets that the server has at its end. */
export async function record(seed) {
  steps = [];
  const simulation = new Simulation(seed);
  const count = 20 + new Random(seed).below(80);
  for (let step = 0; step < count; step++) await simulation.step();
  // The end of the run is recorded, too: all responses arrive, and then no step changes anything.
  await simulation.drain();
  const { server } = simulation;
  const recorded = steps;
  simulation.close();
  return { steps: recorded, tickets: server.at(server.head) };
}
