// @ts-check
/** The learner's page; the seat's cookie decides whose. */

import { call } from "../core/api.js";
import { loadCatalogue } from "../i18n/catalogue.js";
import { html, render } from "../vendor/lit-html.js";
import { RoomView } from "./room_view.js";

const page = /** @type {HTMLElement} */ (document.getElementById("page"));

try {
  const screen = await call("GET", "/seat");
  const t = await loadCatalogue(screen.seat.language);
  document.title = `${screen.seat.name} · Teleward`;
  page.replaceChildren();
  const main = document.createElement("main");
  const foot = document.createElement("footer");
  foot.className = "notice";
  foot.textContent = t.text("not_a_device");
  main.className = "room-main";
  page.append(main, foot);
  const view = document.createElement("div");
  view.className = "room-main";
  const heading = document.createElement("h1");
  heading.className = "hidden-text";
  heading.textContent = t.of(screen.class.title);
  main.append(heading, view);
  const shown = new RoomView(view, "/api/v1/seat/stream", t);
  Object.assign(window, { teleward: { view: shown } });
  meetOtherTabs(shown);
} catch (error) {
  const t = await loadCatalogue();
  page.replaceChildren();
  render(
    html`<main class="paper phone-main"><h1 class="lead">${t.text("no_seat")}</h1>
      <p>${t.refusal(error)}</p><a class="button" href="/join">${t.text("go_join")}</a></main>`,
    page,
  );
}

/** Show that the seat is open in another tab of this phone, too. @param {RoomView} shown */
function meetOtherTabs(shown) {
  if (!("BroadcastChannel" in window)) return;
  const channel = new BroadcastChannel("teleward.seat");
  channel.onmessage = ({ data }) => {
    shown.twice = data !== "gone";
    shown.queueDraw();
    if (data === "open") channel.postMessage("here");
  };
  channel.postMessage("open");
  addEventListener("pagehide", () => channel.postMessage("gone"));
}
