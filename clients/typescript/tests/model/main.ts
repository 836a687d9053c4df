// Runs the model check: node build/tests/model/main.js [runs] [first seed]
import { runMany } from "./run.js";

const runs = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 30));
console.log(`${runs} runs from seed ${seed}`);
const start = performance.now();
await runMany(seed, runs);
console.log(`passed in ${((performance.now() - start) / 1000).toFixed(1)} s`);
process.exit(0);
