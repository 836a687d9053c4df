// Builds GraphiQL into the folder that the first argument names, and compresses its files.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const outDir = process.argv[2] ?? join(root, "dist");
const BROTLI_QUALITY = 9; // the highest one takes several times as long for few bytes

await build({
  root,
  base: "/graphiql/",
  configFile: false,
  logLevel: "warn",
  worker: { format: "es" },
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 10_000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onwarn(warning, warn) {
        // "use client" and the like have no meaning here, and dozens of modules begin with them.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
});

const assets = join(outDir, "assets");
for (const name of readdirSync(assets)) {
  const content = readFileSync(join(assets, name));
  writeFileSync(join(assets, `${name}.gz`), gzipSync(content, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
  writeFileSync(join(assets, `${name}.br`), brotliCompressSync(content, { params }));
}
