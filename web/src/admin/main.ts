import { mountApplication } from "../shared/mount";
import App from "./App.svelte";

mountApplication(App);
