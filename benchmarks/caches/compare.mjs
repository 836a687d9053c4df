// Replays the model check's random runs into several caches: node compare.mjs [runs] [first seed]
import { record } from "./recording.mjs";
import { Apollo, Graphcache, Ticketwire } from "./contenders.mjs";

const runs = Number(process.argv[2] ?? 1000);
const firstSeed = Number(process.argv[3] ?? 1);
const CONTENDERS = [
  ["Ticketwire's store", Ticketwire],
  ["Apollo Client's InMemoryCache", Apollo],
  ["urql's graphcache", Graphcache],
];

/** Returns the change that a mutation shows before its response. */
function patchOf({ query, variables }) {
  if (!query.startsWith("mutation") || variables.input.status === undefined) return undefined;
  return variables.input;
}

/** Replays a run. Returns how often a ticket went back, and how many are wrong at the end. */
function replay(Contender, { steps, tickets }) {
  const cache = new Contender();
  const shown = new Map();
  let wentBack = 0;
  for (const step of steps) {
    if (step.type === "request") cache.request(step, patchOf(step.request));
    else cache[step.type](step);
    for (const id of tickets.keys()) {
      const version = cache.ticket(id)?.version;
      if (version === undefined) continue;
      if (version < (shown.get(id) ?? 0)) wentBack++;
      shown.set(id, version);
    }
  }
  const wrong = [...tickets.values()].filter((ticket) => {
    const last = cache.ticket(ticket.id);
    return (
      last &&
      ["version", "status", "subject", "clock"].some((field) => last[field] !== ticket[field])
    );
  });
  return { wentBack, wrong: wrong.length };
}

const results = CONTENDERS.map(([name]) => ({ name, runsBack: 0, timesBack: 0, runsWrong: 0 }));
for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
  const recording = await record(seed);
  for (const [index, [, Contender]] of CONTENDERS.entries()) {
    const { wentBack, wrong } = replay(Contender, recording);
    results[index].timesBack += wentBack;
    if (wentBack) results[index].runsBack++;
    if (wrong) results[index].runsWrong++;
  }
}
console.log(`${runs} runs from seed ${firstSeed}\n`);
console.log(
  "| cache | runs in which a ticket went back | times | runs that end with an outdated ticket |",
);
console.log("|---|---|---|---|");
for (const each of results)
  console.log(`| ${each.name} | ${each.runsBack} | ${each.timesBack} | ${each.runsWrong} |`);
process.exit(0);
