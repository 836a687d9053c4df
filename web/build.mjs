// Builds the applications into the folder that the first argument names, and compresses their files.
// Each HTML file in this folder is the entry of one application.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build } from "vite";
import "./compile-messages.mjs";
import { compressFiles } from "./compress.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
const outDir = process.argv[2] ?? join(root, "dist");
const entries = readdirSync(root).filter((name) => name.endsWith(".html"));

await build({
  root,
  configFile: false,
  logLevel: "warn",
  plugins: [svelte()],
  resolve: {
    alias: { "@ticketwire/client": join(root, "../clients/typescript/src/index.ts") },
    dedupe: ["graphql-ws", "@0no-co/graphql.web"], // the client's packages are those of this folder
  },
  build: {
    outDir,
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy permits no data: URLs
    modulePreload: { polyfill: false },
    rolldownOptions: { input: entries.map((name) => join(root, name)) },
  },
});

compressFiles(join(outDir, "assets"), 11);
