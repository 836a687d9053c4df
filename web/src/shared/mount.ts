// Shows an application in the page, with what all of them have in common.
import { mount, type Component } from "svelte";
import "./tokens.css";
import "./base.css";

export function mountApplication(App: Component): void {
  const target = document.getElementById("app");
  if (target === null) throw new Error("The page has no element #app.");
  mount(App, { target });
}
