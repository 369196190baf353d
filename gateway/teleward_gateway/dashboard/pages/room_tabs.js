// @ts-check
/** The tabs of a learner's screen: Ask, Do, Think and Talk. */

import { html, nothing } from "../vendor/lit-html.js";

/** @typedef {import("./room_view.js").RoomView} RoomView */

const ROWS = ["rr", "spo2", "oxygen", "sbp", "pulse", "awake", "temp"];
const CHOICES = /** @type {Record<string, number[]>} */ ({ oxygen: [0, 2], awake: [0, 3] });
const PLACES = ["transfer", "observe", "discharge", "escalate"];

/** @param {RoomView} view */
function busy(view) {
  return view.watching || !view.screen?.room || view.screen.class.phase !== "encounter";
}

/** Whether this seat's orders are taken. @param {RoomView} view */
function acts(view) {
  return !busy(view) && view.screen.seat.acting;
}

/** Search as one types; answers of an older text are dropped. @param {RoomView} view @param {string} kind @param {string} text */
async function search(view, kind, text) {
  view.form[`${kind}_text`] = text;
  view.queueDraw();
  const { call } = await import("../core/api.js");
  const found = await call("GET", `/seat/${kind}?q=${encodeURIComponent(text)}`).catch(() => []);
  if (view.form[`${kind}_text`] === text) {
    view.form[`${kind}_found`] = found;
    view.queueDraw();
  }
}

/** The list before anything is typed, asked for once: a late answer must not undo what is typed.
 * @param {RoomView} view @param {string} kind */
function begin(view, kind) {
  if (view.watching || view.form[`${kind}_begun`]) return;
  view.form[`${kind}_begun`] = true;
  void search(view, kind, "");
}

/** @param {RoomView} view */
export function askTab(view) {
  const { t, form } = view;
  begin(view, "items");
  const found = form.items_found ?? [];
  const shown = found.slice(0, 8);
  const ask = async (/** @type {string} */ text) => {
    if (text && (await view.act("POST", "/seat/asks", { text }))) {
      form.items_text = "";
      view.queueDraw();
    }
  };
  return html`${recordCard(view)}
    <form class="stack" @submit=${(/** @type {Event} */ e) => (e.preventDefault(), void ask(form.items_text ?? ""))}>
      <label class="field">${t.text("ask_search")}<input id="ask" autocomplete="off" maxlength="200" placeholder=${t.text("ask_hint")}
          ?disabled=${!acts(view)} .value=${form.items_text ?? ""}
          @input=${(/** @type {any} */ e) => search(view, "items", e.target.value)} /></label>
      <div class="chips" id="items">
        ${shown.map(
          (/** @type {any} */ item) =>
            html`<button type="button" data-item=${item.id} ?disabled=${!acts(view)} @click=${() => ask(item.id)}>${t.of(item.label)}</button>`,
        )}
      </div>
      <button class="primary" ?disabled=${!acts(view) || !form.items_text}>${t.text("ask_send")}</button>
    </form>
    ${queue(view)}
    <ul class="lines" id="answers">
      ${lines(view, ["ask", "found", "misunderstood"]).map((/** @type {any} */ line) => askLine(view, line))}
    </ul>`;
}

/** What earlier visits left on paper. @param {RoomView} view */
function recordCard(view) {
  const { t } = view;
  const room = view.screen?.room;
  if (!room || room.record === undefined || view.screen?.seat.role === "hub") return nothing;
  const { record } = room;
  const when = (/** @type {number} */ days) =>
    days < 60 ? t.text("days_ago", { n: days }) : days < 700 ? t.text("months_ago", { n: Math.round(days / 30) }) : t.text("years_ago", { n: Math.round(days / 365) });
  const row = (/** @type {any} */ entry) =>
    html`<li><small>${when(entry.days)}${entry.label ? ` · ${t.of(entry.label)}` : ""}</small><br />${t.of(entry.text)}</li>`;
  return html`<details class="card" id="record"><summary>${t.text("record")}</summary>
    ${record
      ? html`<dl><dt>${t.text("record_allergies")}</dt><dd>${t.of(record.allergies)}</dd>
            <dt>${t.text("record_medicines")}</dt><dd>${t.of(record.medicines)}</dd></dl>
          <ul class="lines">${record.visits.map(row)}${record.results.map(row)}</ul>
          <small>${t.text("record_old")}</small>`
      : html`<p>${t.text("record_none")}</p>`}
  </details>`;
}

/** What the nurse has still to find out, and the time that is left. @param {RoomView} view */
function queue(view) {
  const { t } = view;
  const found = view.screen?.room?.queue;
  if (!found || (!found.items.length && !found.away_s)) return nothing;
  const left = (/** @type {number} */ s) => (s < 60 ? t.text("left_s", { n: s }) : t.text("left_min", { n: Math.ceil(s / 60) }));
  return html`<section class="card stack" id="queue"><h2>${t.text("queue")}</h2>
    ${found.away_s ? html`<p class="note warn">${t.text("worker_away", { left: left(found.away_s) })}</p>` : nothing}
    <ul class="lines">${found.items.map((/** @type {any} */ item) => html`<li class="row"><span class="grow">${t.of(item.labels)}</span><small>${left(item.left_s)}</small></li>`)}</ul></section>`;
}

/** @param {RoomView} view @param {any} line */
function askLine(view, line) {
  if (line.what === "ask") return html`<li class="mine">${view.t.of(line.labels)}</li>`;
  if (line.what === "misunderstood") return html`<li>${view.t.text("ask_unknown", { text: line.text })}</li>`;
  return html`<li><small>${view.t.of(line.labels)}</small><br />${view.t.of(line.texts) || line.text}</li>`;
}

/** @param {RoomView} view */
export function doTab(view) {
  const { t, form } = view;
  begin(view, "actions");
  const chosen = form.chosen;
  const found = (form.actions_found ?? []).slice(0, 8);
  return html`<label class="field">${t.text("do_search")}<input id="do" autocomplete="off" ?disabled=${!acts(view)}
        .value=${form.actions_text ?? ""} @input=${(/** @type {any} */ e) => search(view, "actions", e.target.value)} /></label>
    <div class="chips" id="actions">
      ${found.map(
        (/** @type {any} */ action) =>
          html`<button type="button" data-action=${action.name} aria-pressed=${String(chosen?.name === action.name)} ?disabled=${!acts(view)}
            @click=${() => ((form.chosen = action), (form.dose = ""), view.draw())}>${t.of(action.labels)}</button>`,
      )}
    </div>
    ${chosen ? orderForm(view, chosen) : nothing}
    <section class="card stack"><h2>${t.text("list")}</h2>${orderList(view)}</section>
    ${queue(view)}`;
}

/** @param {RoomView} view @param {any} chosen */
function orderForm(view, chosen) {
  const { t, form } = view;
  const give = async () => {
    const dose = chosen.unit && form.dose ? `${form.dose} ${form.dose.match(/[a-z%]/i) ? "" : chosen.unit}`.trim() : "";
    const taken = await view.act("POST", "/seat/orders", { name: chosen.name, dose });
    if (taken) {
      const before = taken.done_before_min;
      view.notice = before === null ? "" : t.text("done_before", { name: t.of(chosen.labels), n: Math.round(before) });
      form.chosen = null;
      view.queueDraw();
    }
  };
  return html`<form class="card stack" @submit=${(/** @type {Event} */ e) => (e.preventDefault(), void give())}>
    <h2>${t.of(chosen.labels)}</h2>
    ${chosen.unit
      ? html`<label class="field">${t.text("dose")}<span class="row"><input id="dose" class="grow" required inputmode="decimal" .value=${form.dose ?? ""}
            @input=${(/** @type {any} */ e) => (form.dose = e.target.value)} /><b>${chosen.unit}</b></span></label>
          ${chosen.usual ? html`<small>${t.text("usual", { dose: chosen.usual, unit: chosen.unit })}</small>` : nothing}`
      : nothing}
    <button class="primary big" id="give" ?disabled=${!acts(view)}>${t.text("give")}</button>
  </form>`;
}

/** Orders newest first, each with where it stands. @param {RoomView} view */
function orderList(view) {
  const { t } = view;
  const states = /** @type {Map<string, any>} */ (new Map());
  for (const line of lines(view, ["order", "readback", "waiting", "done", "refused"])) {
    states.set(line.task, { ...states.get(line.task), ...line, asked: line.what === "readback" ? line : states.get(line.task)?.asked });
  }
  const orders = [...states.values()].reverse();
  if (!orders.length) return html`<p>${t.text("list_empty")}</p>`;
  const answer = (/** @type {string} */ task, /** @type {boolean} */ yes) => view.act("POST", `/seat/orders/${task}`, { yes });
  return html`<ul class="lines" id="orders">
    ${orders.map((order) =>
      order.what === "readback"
        ? html`<li data-task=${order.task}><p role="status">${t.text(order.reason === "dose" ? "readback" : "readback_again", { text: t.of(order.texts) || order.text })}</p>
            <div class="row"><button type="button" class="primary" data-yes ?disabled=${!acts(view)} @click=${() => answer(order.task, true)}>${t.text("yes_give")}</button>
              <button type="button" ?disabled=${!acts(view)} @click=${() => answer(order.task, false)}>${t.text("change")}</button></div></li>`
        : html`<li data-task=${order.task}><b>${t.of(order.labels)}</b> ${order.dose ?? ""}
            <small>${order.what === "done" ? `✓ ${t.text("done")}` : order.what === "refused" ? t.text("refused", { text: t.of(order.texts) || order.text }) : t.text(order.what === "waiting" ? "order_waits" : "under_way")}</small></li>`,
    )}
  </ul>`;
}

/** @param {RoomView} view */
export function thinkTab(view) {
  const { t, form, screen } = view;
  const missing = ROWS.filter((row) => form.points[row] === undefined).length;
  const send = (/** @type {string} */ path, /** @type {object} */ body) => view.act("POST", path, body, t.text("kept"));
  return html`<section class="card stack"><h2>${t.text("news2_first")}</h2>
      <div class="sheet">
        ${ROWS.map(
          (row) => html`<span id=${`row-${row}`}>${t.text(`news2_${row}`)}</span>
            <span class="scores" role="group" aria-labelledby=${`row-${row}`}>${(CHOICES[row] ?? [0, 1, 2, 3]).map(
              (points) => html`<button type="button" data-row=${row} data-points=${points} ?disabled=${busy(view)} aria-pressed=${String(form.points[row] === points)}
                @click=${() => ((form.points[row] = points), view.draw())}>${points}</button>`,
            )}</span>`,
        )}
      </div>
      <button type="button" class="primary" id="news2" ?disabled=${busy(view) || missing > 0} @click=${() => send("/seat/news2", { points: form.points })}>
        ${missing ? t.text("news2_fill", { n: missing }) : t.text("news2_sum")}
      </button>
      ${screen.seat.news2 === null ? nothing : html`<p class="note info">${t.text("news2_yours", { n: screen.seat.news2 })}</p>`}
    </section>
    <section class="card stack"><h2>${t.text("diagnosis")}</h2>${ranking(view)}
      <button type="button" id="keep-diagnosis" ?disabled=${busy(view) || !form.ranked[0][0].trim()}
        @click=${() => send("/seat/diagnosis", {
          ranked: form.ranked.filter((/** @type {any} */ row) => row[0].trim()).map((/** @type {any} */ row) => [row[0].trim(), row[1] / 100]),
        })}>${t.text("keep")}</button>
    </section>
    <section class="card stack"><h2>${t.text("where")}</h2><div class="chips">
      ${PLACES.map(
        (place) => html`<button type="button" data-place=${place} ?disabled=${busy(view)} aria-pressed=${String(screen.seat.disposition === place)}
          @click=${() => send("/seat/disposition", { disposition: place })}>${t.text(`go_${place}`)}</button>`,
      )}</div></section>`;
}

/** @param {RoomView} view */
function ranking(view) {
  const { t, form } = view;
  const rows = form.ranked;
  if (rows.length < 3 && rows[rows.length - 1][0].trim()) rows.push(["", 20]);
  return rows.map(
    (/** @type {any} */ row, /** @type {number} */ place) => html`<div class="row">
      <b>${place + 1}</b><input class="grow" maxlength="80" aria-label=${`${t.text("diagnosis")} ${place + 1}`} ?disabled=${busy(view)} .value=${row[0]}
        @input=${(/** @type {any} */ e) => ((row[0] = e.target.value), view.queueDraw())} />
      <input type="range" class="grow" min="0" max="100" aria-label=${`${t.text("sure")} ${place + 1}`} ?disabled=${busy(view)} .value=${String(row[1])}
        @input=${(/** @type {any} */ e) => ((row[1] = Number(e.target.value)), view.queueDraw())} /><small>${row[1]} %</small></div>`,
  );
}

/** @param {RoomView} view */
export function talkTab(view) {
  const { t, form } = view;
  return html`<div class="seg" role="group">
      ${["worker", "senior", "handover"].map(
        (name) => html`<button type="button" aria-pressed=${String(form.talk === name)} @click=${() => ((form.talk = name), view.draw())}>${t.text(`talk_${name}`)}</button>`,
      )}
    </div>
    ${form.talk === "handover" ? handover(view) : message(view)}
    <ul class="lines" id="messages">
      ${lines(view, ["message", "consult"]).map((/** @type {any} */ line) => html`<li class=${line.mine ? "mine" : ""}><small>${who(view, line)}</small><br />${t.of(line.texts) || line.text}</li>`)}
    </ul>
    ${view.screen.room?.handed_over && view.screen.seat.role === "pen" ? readback(view) : nothing}`;
}

/** @param {RoomView} view @param {any} line */
function who(view, line) {
  if (line.mine) return view.screen.seat.name;
  const known = view.screen.others.find((/** @type {any} */ each) => each.id === line.who)?.name;
  const places = /** @type {Record<string, string>} */ ({ worker: "talk_worker", teacher: "who_teacher", room: "who_room" });
  return known ?? (places[line.who] ? view.t.text(places[line.who]) : line.who);
}

/** @param {RoomView} view */
function message(view) {
  const { t, form } = view;
  const to = view.screen.seat.role === "hub" || view.screen.seat.role === "spoke" ? "room" : form.talk;
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const sent = await view.act("POST", "/seat/messages", { to, text: form.message ?? "" });
    if (sent !== undefined) form.message = "";
    view.queueDraw();
  };
  return html`<form class="row" @submit=${send}>
    <input id="message" class="grow" required maxlength="2000" aria-label=${t.text("message")} placeholder=${t.text("message")} ?disabled=${view.watching}
      .value=${form.message ?? ""} @input=${(/** @type {any} */ e) => (form.message = e.target.value)} />
    <button class="primary" ?disabled=${view.watching}>${t.text("send")}</button></form>`;
}

/** @param {RoomView} view */
function handover(view) {
  const { t, form } = view;
  const boxes = ["identity", "situation", "background", "assessment", "recommendation"];
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    void view.act("POST", "/seat/handover", form.isbar, t.text("kept"));
  };
  return html`<form class="card stack" @submit=${send}>
    ${boxes.map((box) => {
      const words = (form.isbar[box] ?? "").trim().split(/\s+/).filter(Boolean).length;
      return html`<label class="field">${t.text(box)}<textarea rows="2" required maxlength="2000" ?disabled=${busy(view)} .value=${form.isbar[box] ?? ""}
          @input=${(/** @type {any} */ e) => ((form.isbar[box] = e.target.value), view.queueDraw())}></textarea><small>${t.text("words_n", { n: words })}</small></label>`;
    })}
    <button class="primary big" id="hand-over" ?disabled=${busy(view)}>${t.text("handover_send")}</button>
  </form>`;
}

/** @param {RoomView} view */
function readback(view) {
  const { t, form } = view;
  const repeated = (form.repeated ??= { items: ["", ""], plan: "" });
  return html`<form class="card stack" @submit=${(/** @type {Event} */ e) => (e.preventDefault(), void view.act("POST", "/seat/readback", repeated, t.text("kept")))}>
    <h2>${t.text("readback_title")}</h2>
    ${[0, 1].map(
      (place) => html`<label class="field">${t.text("item", { n: place + 1 })}<input required .value=${repeated.items[place]}
          @input=${(/** @type {any} */ e) => (repeated.items[place] = e.target.value)} /></label>`,
    )}
    <label class="field">${t.text("first_five")}<input .value=${repeated.plan} @input=${(/** @type {any} */ e) => (repeated.plan = e.target.value)} /></label>
    <button class="primary" ?disabled=${busy(view)}>${t.text("send")}</button></form>`;
}

/** Lines of some kinds. @param {RoomView} view @param {string[]} kinds */
function lines(view, kinds) {
  return view.screen.lines.filter((/** @type {any} */ line) => kinds.includes(line.what));
}
