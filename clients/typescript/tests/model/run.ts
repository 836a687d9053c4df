import { Checks } from "./checks.js";
import { Random } from "./random.js";
import { Simulation } from "./simulation.js";

/** Runs one simulation. Throws an error that names the seed if a check fails. */
export async function runOnce(seed: number): Promise<void> {
  const simulation = new Simulation(seed);
  const checks = new Checks(simulation);
  let step = 0;
  try {
    const steps = 20 + new Random(seed).below(80);
    for (; step < steps; step++) {
      await simulation.step();
      checks.afterStep();
    }
    await simulation.drain();
    checks.afterStep();
    checks.atRest();
  } catch (error) {
    throw new Error(`seed ${seed}, step ${step}: ${(error as Error).message}`, { cause: error });
  } finally {
    simulation.close();
  }
}

/** Runs simulations with consecutive seeds. */
export async function runMany(firstSeed: number, count: number): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) await runOnce(seed);
}
