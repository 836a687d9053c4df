// Builds the applications into the folder that the first argument names, and compresses their files.
// Each HTML file in this folder is the entry of one application. A page loads the files of its own build.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build } from "vite";
import { compactMessages } from "./compact-messages.mjs";
import "./compile-messages.mjs";
import { compressFiles } from "./compress.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
const outDir = process.argv[2] ?? join(root, "dist");
const { locales } = JSON.parse(readFileSync(join(root, "project.inlang/settings.json"), "utf8"));
const pages = readdirSync(root).filter((name) => name.endsWith(".html"));
// These share no file with the others: the parts that all have would be larger than each needs.
const ALONE = ["admin.html", "wall.html"];

async function buildPages(names, emptyOutDir) {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    plugins: [compactMessages(locales), svelte()],
    resolve: {
      alias: { "@ticketwire/client": join(root, "../clients/typescript/src/index.ts") },
      dedupe: ["graphql-ws", "@0no-co/graphql.web"], // the client's packages are those of this folder
    },
    build: {
      outDir,
      emptyOutDir,
      assetsInlineLimit: 0, // the content security policy permits no data: URLs
      modulePreload: { polyfill: false },
      rolldownOptions: { input: names.map((name) => join(root, name)) },
    },
  });
}

await buildPages(pages.filter((name) => !ALONE.includes(name)), true);
for (const name of ALONE) await buildPages([name], false);

compressFiles(join(outDir, "assets"), 11);
