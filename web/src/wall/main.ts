// Without shared/mount.ts, because a wallboard needs few of the styles that other applications share.
import { mount } from "svelte";
import { getLocale } from "../shared/messages";
import "../shared/tokens.css";
import App from "./App.svelte";
import "./wall.css";

document.documentElement.lang = getLocale();
mount(App, { target: document.getElementById("app")! });
