import { it } from "node:test";
import { runMany } from "./model/run.js";

const runs = Number(process.env.MODEL_RUNS ?? 2000);
const seed = Number(process.env.MODEL_SEED ?? 1);

it(`shows what the server has, and never goes back, in ${runs} random runs from seed ${seed}`, () =>
  runMany(seed, runs));
