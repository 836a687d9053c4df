// Without shared/mount.ts, because a wallboard needs few of the styles that other applications share.
import { mount } from "svelte";
import { locale } from "../shared/messages";
import "../shared/tokens.css";
import App from "./App.svelte";
import "./wall.css";

document.documentElement.lang = locale;
mount(App, { target: document.getElementById("app")! });
