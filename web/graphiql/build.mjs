// Builds GraphiQL into the folder that the first argument names, and compresses its files.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { compressFiles } from "../compress.mjs";

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

compressFiles(join(outDir, "assets"), BROTLI_QUALITY);
