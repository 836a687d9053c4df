// Makes the modules of the texts smaller: each chooses its language once, when the page loads, and not with
// each use. Paraglide's own runtime, which can do much more, is then not loaded at all.
const MODULE = /\/generated\/messages\/messages\/(?!_index)\w+\.js$/;
const TEXT = /^const ([a-z]+)_(\w+) = .* \((i?)\) => \{\n\treturn \/\*\* @type \{LocalizedString\} \*\/ \((`[^]*?`)\)\n\};$/gm;

export function compactMessages(locales) {
  return {
    name: "compact-messages",
    transform(code, id) {
      if (!MODULE.test(id)) return undefined;
      const found = [...code.matchAll(TEXT)];
      const texts = found.map(([, , , input, text]) => `(${input}) => ${text.replaceAll("${i?.", "${i.")}`);
      const given = found.map(([, locale]) => locale);
      if (given.join() !== locales.join()) throw new Error(`${id} has the languages ${given.join()}`);
      const call = `/* @__PURE__ */ choose(${texts.join(", ")})`;
      return {
        code: `import { choose } from "../../../shared/locale";\nexport const ${found[0][2]} = ${call};\n`,
        map: null,
      };
    },
  };
}
