// The texts of the applications, in the language of the person (messages/ has one file per language).
import * as m from "../generated/messages/messages.js";
import { locale, locales, setLocale } from "./locale";

export { locale, locales, m, setLocale };

/** The names of the languages, each in its own words. */
export const LANGUAGES = { en: "English", de: "Deutsch", hi: "हिन्दी" } as const;

/** The form of times and numbers: that of the browser, if it is one of the person's language. */
export const FORMAT: string =
  navigator.languages.find((each) => each.split("-")[0] === locale) ?? locale;
