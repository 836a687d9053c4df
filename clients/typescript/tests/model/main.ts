// Runs the model check: node build/tests/model/main.js [runs] [first seed]
import { runMany } from "./run.js";

const runs = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 30));
console.log(`${runs} runs from seed ${seed}`);
const start = performance.now();
for (let done = 0; done < runs; done += 10_000) {
  await runMany(seed + done, Math.min(10_000, runs - done));
  console.log(
    `${Math.min(done + 10_000, runs)} runs passed after ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
}
process.exit(0);
