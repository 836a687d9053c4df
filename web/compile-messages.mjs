// Compiles the texts in messages/ into functions in src/generated/messages. Each is a module of its own, so
// that a page loads only its own texts.
import { fileURLToPath } from "node:url";
import { compile } from "@inlang/paraglide-js";

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));

await compile({
  project: pathOf("project.inlang"),
  outdir: pathOf("src/generated/messages"),
  strategy: ["localStorage", "preferredLanguage", "baseLocale"],
  localStorageKey: "ticketwire-language",
  outputStructure: "message-modules",
  emitTsDeclarations: true,
  emitGitIgnore: false,
  emitPrettierIgnore: false,
  emitReadme: false,
  isServer: "false",
});
