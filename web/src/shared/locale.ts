// The language of the page. It is chosen once, when the page loads.
export const locales = ["en", "de", "hi"] as const;
export type Locale = (typeof locales)[number];

const KEY = "ticketwire-language";

/** The index of the stored language, or else of the first of the browser's languages that there is. */
function findIndex(): number {
  const wanted = [localStorage.getItem(KEY) ?? "", ...navigator.languages];
  const found = wanted.map((tag) => locales.indexOf(tag.split("-")[0]?.toLowerCase() as Locale));
  return found.find((index) => index >= 0) ?? 0;
}

const index = findIndex();
export const locale = locales[index] ?? "en";
localStorage.setItem(KEY, locale);

/** Choose a language. The page loads again with it. */
export function setLocale(chosen: Locale): void {
  localStorage.setItem(KEY, chosen);
  location.reload();
}

/**
 * Returns the text in the language of the page. The arguments are one text in all languages, in the order
 * of `locales`. compact-messages.mjs writes the calls.
 */
export function choose<Text>(...texts: Text[]): Text | undefined {
  return texts[index];
}
