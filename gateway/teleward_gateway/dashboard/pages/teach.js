// @ts-check
/** The teacher's page: lessons, doors, the board, one room closely, staged changes with one Send. */

import { joinHost, lookUp } from "../core/me.js";
import { call } from "../core/api.js";
import { LANGUAGES, loadCatalogue } from "../i18n/catalogue.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { repeat } from "../vendor/directives/repeat.js";
import { bars } from "./histogram.js";
import { RoomView } from "./room_view.js";
import { spark } from "./spark.js";
import { CHANGES, bulkBar } from "./teach_bulk.js";
import { ViewStream } from "./view_stream.js";

const ORDER = ["arrest", "worse", "unstable", "better", "stable"];
const SORT_MS = 5000;
const SILENT_MS = 90_000;

class Page {
  constructor() {
    this.page = /** @type {HTMLElement} */ (document.getElementById("page"));
    this.problem = "";
    this.lessons = /** @type {any} */ ({ lessons: [], problems: [], leading: false });
    /** @type {ViewStream|null} */
    this.stream = null;
    this.open = "";
    /** Seat of the open room whose screen is shown. */
    this.seat = "";
    /** @type {RoomView|null} */
    this.watched = null;
    /** @type {number[]} places in CHANGES */
    this.staged = [];
    this.menu = "";
    /** The table of scores. @type {import("../vendor/lit-html.js").TemplateResult|null} */
    this.scores = null;
    this.scoresAsked = false;
    this.text = "";
    this.sortedAt = 0;
    /** @type {string[]} */
    this.sorted = [];
  }

  async start() {
    this.t = await loadCatalogue();
    this.page.replaceChildren(); // before the first draw: what is drawn must not be taken away
    this.draw();
    void lookUp().then(() => this.draw());
    const keys = new URLSearchParams(location.hash.slice(1));
    for (const [name, path] of [["operator", "/operator"], ["key", "/class/key"]]) {
      const key = keys.get(name);
      if (key) await this.act("POST", path, { key });
    }
    if (location.hash) history.replaceState(null, "", location.pathname);
    this.lessons = await call("GET", "/lessons").catch((error) => {
      this.problem = this.t?.refusal(error) ?? error.message;
      return this.lessons;
    });
    if (this.lessons.leading) this.follow();
    this.draw();
    addEventListener("keydown", (event) => this.key(event));
  }

  follow() {
    this.stream = new ViewStream("/api/v1/class/stream", () => this.draw());
  }

  get view() {
    return this.stream?.view;
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async act(method, path, body) {
    try {
      const answer = await call(method, path, body);
      this.problem = "";
      return answer ?? true;
    } catch (error) {
      this.problem = this.t?.refusal(error) ?? "";
      return undefined;
    } finally {
      this.draw();
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const field = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.key === "Escape") this.look("");
    else if (event.ctrlKey && event.key === "Enter") void this.send(this.open);
    else if (!field && event.key === "b" && this.view) void this.bookmark();
  }

  bookmark() {
    const text = new Date().toLocaleTimeString("en-GB");
    return this.act("POST", "/class/bookmark", { text });
  }

  /** @param {string} lesson */
  async begin(lesson) {
    if (await this.act("POST", "/classes", { lesson })) this.follow();
  }

  /** Send what is staged to a room, or to all. @param {string} room */
  async send(room) {
    if (!this.staged.length) return;
    const orders = this.staged.flatMap((place) => CHANGES[place].orders);
    if (await this.act("POST", "/class/changes", { room: room || null, orders })) this.staged = [];
    this.draw();
  }

  /** Look at a room closely; nothing is staged for another one by mistake. @param {string} room */
  look(room) {
    this.see("");
    this.open = room;
    this.staged = [];
    this.draw();
  }

  /** See what one seat of the open room sees. @param {string} seat "" for the first */
  see(seat) {
    this.watched?.close();
    this.watched = null;
    this.seat = seat;
    this.draw();
  }

  /** Take a seat away; who sits there is asked to join again. @param {string} seat */
  async remove(seat) {
    const row = this.view?.rows.find((/** @type {any} */ each) => each.room === this.open);
    if (!(await this.act("DELETE", `/class/seats/${seat}`))) return;
    if (row?.seats.length === 1) this.look(""); // nobody is left to look at
    else if (this.seat === seat) this.see("");
  }

  draw() {
    const { t } = this;
    if (!t) return;
    const view = this.view;
    render(
      html`<header class="bar glass"><h1>${view ? t.of(view.title) : t.text("teach_title")}</h1>
          ${view ? html`<span class="pill">${view.code}</span><span class="pill">${t.text("seats", { n: view.n_seats })}</span>` : nothing}
          <span class="pill simulation">${t.text("simulation")}</span><span class="space"></span>
          ${view
            ? html`<a class="button" href="/wall" target="_blank" rel="noopener">${t.text("show_wall")}</a>
                <button type="button" id="wall-names" aria-pressed=${String(view.wall_names)}
                  @click=${() => this.act("POST", "/class/wall", { on: !view.wall_names })}>${t.text("wall_names")}</button>`
            : nothing}
          <div class="seg" role="group" aria-label=${t.text("language")}>${Object.entries(LANGUAGES).map(
            (/** @type {[string, string]} */ [name, words]) => html`<button type="button" lang=${name} aria-pressed=${String(t.language === name)} aria-label=${words}
              @click=${async () => ((this.t = await loadCatalogue(name)), this.draw())}>${[...words].slice(0, 2).join("")}</button>`,
          )}</div></header>
        <main class=${view && view.phase !== "doors" ? "glass" : "paper"}>
          ${view && this.stream?.lost ? html`<p class="note bad" role="alert">${t.text("lost_teacher")}</p>` : nothing}
          ${this.problem ? html`<p class="note bad" role="alert">${this.problem}</p>` : nothing}
          ${!view ? this.setup() : view.phase === "doors" || view.phase === "prebrief" ? this.doors(view) : this.board(view)}
        </main>
        ${this.open && view ? this.drawer(view) : nothing}
        ${view && view.phase !== "doors" ? bulkBar(this) : nothing}
        <footer class="notice glass">${t.text("not_a_device")}</footer>`,
      this.page,
    );
    this.watch(view);
  }

  setup() {
    const t = /** @type {any} */ (this.t);
    return html`<h2>${t.text("lessons")}</h2>
      ${this.lessons.problems.map((/** @type {string} */ text) => html`<p class="note warn">${t.text("lesson_problem")} ${text}</p>`)}
      <div class="setup">${this.lessons.lessons.map(
        (/** @type {any} */ lesson) => html`<section class="card stack"><h3>${t.of(lesson.title)}</h3>
          <small>${t.text(`mode_${lesson.mode}`)} · ${t.text("minutes", { n: lesson.minutes })}</small>
          <ul>${t.list(lesson.goals).map((/** @type {string} */ goal) => html`<li>• ${goal}</li>`)}</ul>
          <button type="button" class="primary" data-lesson=${lesson.id} @click=${() => this.begin(lesson.id)}
            aria-label=${`${t.text("open_doors")}: ${t.of(lesson.title)}`}>${t.text("open_doors")}</button></section>`,
      )}</div>`;
  }

  /** @param {any} view */
  doors(view) {
    const t = /** @type {any} */ (this.t);
    const waiting = view.n_seats - view.n_ready;
    return html`<div class="setup">
      <section class="card stack"><img class="qr" src=${`/class/qr.svg?code=${view.code}`} alt="QR" />
        <p>${joinHost()}/j/${view.code}</p><p class="big-code">${view.code}</p>
        <button type="button" @click=${() => this.act("POST", "/class/doors", { on: !view.doors })}>${t.text(view.doors ? "lock_doors" : "unlock_doors")}</button>
      </section>
      <section class="card stack"><h2>${t.text("ready_n", { n: view.n_ready, of: view.n_seats })}</h2>
        ${view.n_seats ? nothing : html`<p>${t.text("nobody")}</p>`}
        <ul class="lines" id="seats">${[...view.waiting, ...view.rows.flatMap((/** @type {any} */ row) => row.seats)].map(
          (seat) => html`<li class="row"><span class="dot ${seat.ready ? "ok" : ""}"></span><b>${seat.name}</b>
            <small>${seat.language} ${seat.latency_ms === null ? "" : `${Math.round(seat.latency_ms)} ms`}</small><span class="grow"></span>
            <button type="button" aria-label=${t.text("remove", { name: seat.name })} @click=${() => this.remove(seat.id)}>✕</button></li>`,
        )}</ul>
        <button type="button" class="primary big" id="begin" ?disabled=${!view.n_seats} @click=${() => this.act("POST", "/class/phase", { phase: "encounter" })}>
          ${waiting ? t.text("begin_anyway", { n: waiting }) : t.text("begin")}</button>
      </section></div>`;
  }

  /** Rows by need; sorted again at most every five seconds. @param {any} view */
  rows(view) {
    const now = performance.now();
    if (now - this.sortedAt > SORT_MS || view.rows.length !== this.sorted.length) {
      this.sortedAt = now;
      const need = (/** @type {any} */ row) => {
        const place = ORDER.indexOf(row.true?.state ?? "stable");
        return place < 0 ? ORDER.length : place;
      };
      this.sorted = [...view.rows].sort((a, b) => need(a) - need(b)).map((row) => row.room);
    }
    return this.sorted.map((id) => view.rows.find((/** @type {any} */ row) => row.room === id)).filter(Boolean);
  }

  /** @param {any} view */
  board(view) {
    const t = /** @type {any} */ (this.t);
    return html`${view.question ? html`<section class="card paper">${bars(view.question, t)}</section>` : nothing}
      <div class="scroll" tabindex="0" role="region" aria-label=${t.text("board")}><table class="board" id="board">
        <thead><tr><td></td><th>HR</th><th>BP</th><th>SpO₂</th><th>RR</th><td></td><th>✓</th><td></td><th>NEWS2</th><td></td></tr></thead>
        <tbody>${repeat(this.rows(view), (row) => row.room, (row) => this.row(view, row))}</tbody></table></div>
      ${view.phase === "encounter" ? nothing : this.words(view)}`;
  }

  /** @param {any} view @param {any} row */
  row(view, row) {
    const t = /** @type {any} */ (this.t);
    const names = row.seats.map((/** @type {any} */ seat) => seat.name).join(", ") || row.room;
    const look = row.true;
    const since = row.last_act_ms ? Math.round((view.now - row.last_act_ms) / 1000) : null;
    const vital = (/** @type {string} */ name, /** @type {string} */ style) =>
      html`<td>${look ? spark(look.spark[name], style) : nothing}<b class=${style} data-vital=${name}>${look ? look.vitals[name] : "--"}</b></td>`;
    const word = row.result || look?.state || "";
    return html`<tr data-room=${row.room}>
      <td><button type="button" @click=${() => this.look(row.room)} aria-label=${t.text("see", { name: names })}>${names}</button></td>
      ${vital("hr", "hr")} ${vital("sbp", "bp")} ${vital("spo2", "spo2")} ${vital("rr", "rr")}
      <td><span class="state" data-state=${word}>${row.result || (look ? t.text(`state_${look.state}`) : "")}</span></td>
      <td data-met>${t.text("goals_met", { met: row.met, wanted: row.wanted })}</td>
      <td data-act>${row.last_act ? html`${t.of(row.last_labels)} <small>${t.text("ago", { n: since })}</small>` : html`<small>${t.text("none_yet")}</small>`}</td>
      <td>${t.text("news2_cell", { asked: row.news2_asked ?? "–", true: look?.news2 ?? "–" })}</td>
      <td>${row.hand ? html`<span class="pill simulation">✋</span>` : nothing}
        ${row.silent ? html`<span class="pill">${t.text("silent", { n: since ?? Math.round(SILENT_MS / 1000) })}</span>` : nothing}</td></tr>`;
  }

  /** Read the scores once, when the debrief begins. */
  async readScores() {
    if (this.scoresAsked) return;
    this.scoresAsked = true;
    const found = await this.act("GET", "/class/scores");
    if (!found) return;
    const { scoreTable } = await import("./teach_scores.js");
    const overlays = (await this.act("GET", "/class/debrief")) ?? [];
    const { classOverlay } = await import("./class_overlay.js");
    const t = /** @type {any} */ (this.t);
    this.scores = html`${scoreTable(t, found)}${classOverlay(t, overlays)}`;
    this.draw();
  }

  /** @param {any} view */
  words(view) {
    const t = /** @type {any} */ (this.t);
    const seats = view.rows.flatMap((/** @type {any} */ row) => row.seats).filter((/** @type {any} */ seat) => seat.words);
    if (view.phase === "debrief") void this.readScores();
    return html`${this.scores ?? nothing}<ul class="lines" id="reflections">${seats.map(
      (/** @type {any} */ seat) => html`<li><small>${t.text("words_of", { name: seat.name })}</small><p>${seat.words}</p><p>→ ${seat.change}</p></li>`,
    )}</ul>`;
  }

  /** @param {any} view */
  drawer(view) {
    const t = /** @type {any} */ (this.t);
    const row = view.rows.find((/** @type {any} */ each) => each.room === this.open);
    if (!row) return nothing;
    const names = row.seats.map((/** @type {any} */ seat) => seat.name).join(", ");
    const shown = row.true?.shown ?? {};
    const pairs = [["HR", shown.heart_rate ?? shown.pulse_rate, row.true?.vitals.hr], ["SpO₂", shown.spo2, row.true?.vitals.spo2],
      ["RR", shown.respiratory_rate, row.true?.vitals.rr], ["BP", shown.nibp_systolic, row.true?.vitals.sbp]];
    return html`<aside class="drawer paper" aria-label=${t.text("see", { name: names })}>
      <div class="row"><h2 class="grow">${t.text("see", { name: names })}</h2><button type="button" @click=${() => this.look("")}>${t.text("close")}</button></div>
      <table class="board"><thead><tr><td></td><th>${t.text("shown")}</th><th>${t.text("true")}</th></tr></thead>
        <tbody>${pairs.map(([name, seen, real]) => html`<tr><td>${name}</td><td>${seen === null || seen === undefined ? "--" : Math.round(seen)}</td><td>${real ?? "--"}</td></tr>`)}</tbody></table>
      <section class="stack"><div class="chips" id="changes">${CHANGES.map(
        (change, place) => html`<button type="button" data-change=${change.text} aria-pressed=${String(this.staged.includes(place))}
          @click=${() => {
            this.staged = this.staged.includes(place) ? this.staged.filter((each) => each !== place) : [...this.staged, place];
            this.draw();
          }}>${t.text(change.text)}</button>`,
      )}</div>
      ${this.staged.length
        ? html`<p><b>${t.text("staged")}</b></p><ul class="lines staged">${this.staged.map((place) => html`<li>${t.text(CHANGES[place].text)}</li>`)}</ul>
          <div class="row"><button type="button" class="primary" id="send-changes" @click=${() => this.send(this.open)}>${t.text("send_changes", { n: this.staged.length })}</button>
            <button type="button" @click=${() => this.send("")}>${t.text("to_everybody")}</button>
            <button type="button" @click=${() => ((this.staged = []), this.draw())}>${t.text("clear")}</button></div>`
        : nothing}</section>
      ${this.seats(row)}
      <div class="watch" id="watch"></div></aside>`;
  }

  /** Who sits in the open room: see, hand the pen to, remove. @param {any} row */
  seats(row) {
    const t = /** @type {any} */ (this.t);
    const seen = this.seat || row.seats[0]?.id;
    return html`<ul class="lines" id="room-seats">${row.seats.map(
      (/** @type {any} */ seat) => html`<li class="row">
        <button type="button" data-seat=${seat.id} aria-pressed=${String(seat.id === seen)} @click=${() => this.see(seat.id)}>${seat.name}</button>
        <small class="grow">${t.text(`role_${seat.role}`)}</small>
        ${seat.role === "watcher"
          ? html`<button type="button" data-pen @click=${() => this.givePen(row, seat.id)}>${t.text("give_pen")}</button>`
          : nothing}
        <button type="button" data-remove aria-label=${t.text("remove", { name: seat.name })} @click=${() => this.remove(seat.id)}>✕</button></li>`,
    )}</ul>`;
  }

  /** @param {any} row @param {string} seat */
  async givePen(row, seat) {
    const place = (/** @type {string} */ id, /** @type {string} */ role) =>
      this.act("PUT", `/class/seats/${id}`, { room: row.room, role });
    for (const each of row.seats) if (each.role === "pen") await place(each.id, "watcher");
    await place(seat, "pen");
  }

  /** The learner's own screen in the drawer: the same frames, read only. @param {any} view */
  watch(view) {
    const place = document.getElementById("watch");
    const row = view?.rows.find((/** @type {any} */ each) => each.room === this.open);
    const seat = this.seat || row?.seats[0]?.id;
    if (!place || !seat) {
      this.watched?.close();
      this.watched = null;
      return;
    }
    if (this.watched) return;
    this.watched = new RoomView(place, `/api/v1/class/seats/${seat}/stream`, /** @type {any} */ (this.t), true);
  }
}

const page = new Page();
Object.assign(window, { teleward: page });
void page.start();
