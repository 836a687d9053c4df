// Starts an application in the element #app of its page.
import { mount, type Component } from "svelte";
import "./base.css";
import { locale } from "./messages";
import "./tokens.css";

export function mountApplication(application: Component): void {
  const target = document.getElementById("app");
  if (target === null) throw new Error("The page has no element #app.");
  document.documentElement.lang = locale;
  mount(application, { target });
}
