// @ts-check
/** A learner's screen: mini monitor on every tab, Monitor, Ask, Do, Think, Talk, and what is laid over. */

import { bloodPressure, heartRate, present } from "../core/state.js";
import { age } from "../i18n/format.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { Traces } from "../waves/traces.js";
import { breathe, figure } from "./figure.js";
import { askTab, doTab, talkTab, thinkTab } from "./room_tabs.js";
import { SeatStream } from "./seat_stream.js";

const TABS = ["monitor", "ask", "do", "think", "talk"];
const LOOK = {
  background: "#07090c", lineWidth: 2, gap: 12, labelSpace: 0, pixelsPerSecond: 40, longest: 12,
  calibrated: false,
};
/** Twenty to twenty-seven pictures a second, by the display: a third of a phone's work, and the trace still runs. */
const FRAME_MS = 36;
const LINK_CLASS = /** @type {Record<string, string>} */ ({ live: "live", reduced: "reduced", lost: "lost" });

export class RoomView {
  /**
   * @param {HTMLElement} root @param {string} path of the stream
   * @param {import("../i18n/catalogue.js").Catalogue} t
   * @param {boolean} watching a teacher looks on: nothing can be done
   */
  constructor(root, path, t, watching = false) {
    this.root = root;
    this.t = t;
    this.watching = watching;
    this.tab = "monitor";
    this.problem = "";
    this.notice = "";
    /** Whether another tab shows this seat. */
    this.twice = false;
    /** What the learner is typing, kept over redraws. @type {Record<string, any>} */
    this.form = { ranked: [["", 60]], points: {}, isbar: {}, talk: "worker" };
    /** The report on one's own encounter. @type {import("../vendor/lit-html.js").TemplateResult|null} */
    this.score = null;
    this.scoreAsked = false;
    /** One's own encounter on a time axis, and the ghost that is drawn. @type {any} */
    this.debrief = null;
    this.ghost = -1;
    this.traces = /** @type {Traces|null} */ (null);
    this.most = 0;
    this.width = 0;
    this.queued = false;
    this.closed = false;
    this.stream = new SeatStream(path, () => this.queueDraw());
    this.timer = setInterval(() => this.queueDraw(), 500);
    root.replaceChildren();
    this.draw();
    requestAnimationFrame((atMs) => this.frame(atMs));
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    this.stream.close();
  }

  get screen() {
    return this.stream.screen;
  }

  queueDraw() {
    if (this.queued || this.closed) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      if (!this.closed) this.draw();
    });
  }

  /**
   * Draw what moves; the next picture comes by a timer, so that the browser rests between.
   * @param {number} atMs time of the browser's frame
   */
  frame(atMs) {
    if (this.closed) return;
    setTimeout(() => requestAnimationFrame((next) => this.frame(next)), FRAME_MS);
    this.followTraces();
    this.traces?.frame(this.stream.stream.now());
    breathe(this.root, atMs);
  }

  followTraces() {
    const canvas = /** @type {HTMLCanvasElement|null} */ (this.root.querySelector(".mini canvas"));
    const subject = this.stream.subject();
    const most = this.tab === "monitor" ? 3 : 1;
    if (!canvas || !subject) return;
    if (this.traces?.subject === subject && this.most === most && this.width === canvas.clientWidth) return;
    this.most = most;
    this.width = canvas.clientWidth;
    this.traces = new Traces(canvas, subject, { ...LOOK, most });
    this.traces.resize();
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {string} [notice] */
  async act(method, path, body, notice = "") {
    const { call } = await import("../core/api.js");
    try {
      const answer = await call(method, path, body);
      this.problem = "";
      this.notice = notice;
      return answer;
    } catch (error) {
      this.problem = this.t.refusal(error);
      return undefined;
    } finally {
      this.queueDraw();
    }
  }

  draw() {
    const screen = this.screen;
    const link = this.stream.stream.link();
    render(
      html`<div class="room-view ${this.tab}">
        ${this.mini(link)}
        <div class="tab-panel paper" role="tabpanel" id="panel" aria-label=${this.t.text(`tab_${this.tab}`)}>
          ${link.state === "lost" && screen ? html`<p class="note bad" role="alert">${this.t.text("lost_text")}</p>` : nothing}
          ${this.twice ? html`<p class="note info" role="status">${this.t.text("two_tabs")}</p>` : nothing}
          ${this.problem ? html`<p class="note bad" role="alert">${this.problem}</p>` : nothing}
          ${this.notice ? html`<p class="note ok" role="status">${this.notice}</p>` : nothing}
          ${screen ? this.panel(screen) : nothing}
        </div>
        <div class="tabs glass" role="tablist">
          ${TABS.map(
            (name) =>
              html`<button type="button" role="tab" aria-controls="panel" aria-selected=${String(this.tab === name)}
                @click=${() => this.open(name)}>${this.t.text(`tab_${name}`)}</button>`,
          )}
        </div>
        ${screen ? this.over(screen) : nothing}
      </div>`,
      this.root,
    );
  }

  /** @param {string} tab */
  open(tab) {
    this.tab = tab;
    this.problem = this.notice = "";
    this.traces = null;
    this.draw();
  }

  /** @param {import("../core/stream.js").LinkState} link */
  mini(link) {
    const now = this.stream.stream.now();
    const subject = this.stream.subject();
    const t = this.t;
    const cell = (/** @type {string} */ name, /** @type {string} */ style, /** @type {any} */ shown) =>
      html`<div class="cell"><small>${t.text(name)}</small
        ><span class="number ${style} ${shown?.state === "stale" ? "stale" : ""}" data-metric=${name}>${shown?.text ?? "--"}</span
        >${this.tab === "monitor" && shown?.note ? html`<small>${shown.note}</small>` : nothing}</div>`;
    const lost = link.state === "lost";
    const of = (/** @type {string} */ metric) => (subject && !lost ? present(subject.values[metric], 0, now) : null);
    return html`<section class="mini glass" aria-label=${t.text("tab_monitor")}>
      <div class="row">
        <b>${this.screen?.seat.name ?? ""}</b><span class="grow"></span>
        <span class="pill simulation">SIM</span>
        <span class="pill" data-link=${LINK_CLASS[link.state]}
          >${link.state === "live" ? t.text("live") : link.state === "lost" ? t.text("lost", { age: age(link.lostMs) }) : t.text("slow")}</span
        >
      </div>
      <canvas role="img" aria-label=${t.text("tab_monitor")}></canvas>
      <div class="numbers">
        ${cell("hr", "hr", subject && !lost ? heartRate(subject, now).shown : null)} ${cell("spo2", "spo2", of("spo2"))}
        ${cell("rr", "rr", of("respiratory_rate"))}
        ${cell("bp", "bp", subject && !lost ? bloodPressure(subject, now).shown : null)}
      </div>
    </section>`;
  }

  /** @param {any} screen */
  panel(screen) {
    const t = this.t;
    const pen = screen.others.find((/** @type {any} */ each) => each.role === "pen");
    return html`${screen.seat.role === "hub" ? html`<p class="note info">${t.text("hub_text")}</p>` : nothing}
      ${screen.seat.role === "watcher" && pen
        ? html`<p class="note info">${t.text("watching", { name: pen.name })}</p>`
        : nothing}
      ${screen.room?.relay_due ? html`<p class="note warn" role="status">${t.text("relay_due")}</p>` : nothing}
      ${screen.room?.result ? html`<p class="note warn">${t.text("ended")}</p>` : nothing}
      ${this.tab === "monitor" ? this.monitorTab(screen) : nothing} ${this.tab === "ask" ? askTab(this) : nothing}
      ${this.tab === "do" ? doTab(this) : nothing} ${this.tab === "think" ? thinkTab(this) : nothing}
      ${this.tab === "talk" ? talkTab(this) : nothing}`;
  }

  /** @param {any} screen */
  monitorTab(screen) {
    const room = screen.room;
    const t = this.t;
    if (!room) return html`<p class="lead">${t.text("waiting_title")}</p><p>${t.text("waiting_text")}</p>`;
    return html`<section class="card stack">${room.opening ? html`<p>${t.of(room.opening)}</p>` : nothing}
        <small>${room.person?.age ?? ""} ${room.person?.sex ?? ""} · ${room.review ?? ""}</small></section>
      ${room.handed_over
        ? html`<section class="card stack"><h2>${t.text("handed_over")}</h2>${room.handed_over
            .split("\n")
            .map((/** @type {string} */ line) => html`<p>${line}</p>`)}</section>`
        : nothing}
      ${room.figure ? figure(room.figure, t) : nothing}
      <button type="button" data-hand ?disabled=${this.watching} aria-pressed=${String(screen.seat.hand)}
        @click=${() => this.act("POST", "/seat/hand", { up: !screen.seat.hand })}>
        ${t.text(screen.seat.hand ? "hand_down" : "hand_up")}
      </button>`;
  }

  /** What covers the page: waiting, paused, a question, the words. @param {any} screen */
  over(screen) {
    const t = this.t;
    if (screen.gone) {
      return html`<div class="held paper" role="alert"><p class="lead">${t.text("no_seat")}</p>
        ${this.watching ? nothing : html`<a class="button" href="/join">${t.text("go_join")}</a>`}</div>`;
    }
    const { phase, paused } = screen.class;
    const question = screen.question;
    if (question && !question.over) return this.question(question);
    if (phase === "doors" || phase === "prebrief") {
      return html`<div class="held glass"><p class="lead">${t.text("waiting_title")}</p><p>${t.text("waiting_text")}</p>
        <ul>${t.list(screen.class.goals).map((/** @type {string} */ goal) => html`<li>• ${goal}</li>`)}</ul></div>`;
    }
    if (phase === "encounter" && paused) {
      return html`<div class="held glass" role="status"><p class="lead">‖ ${t.text("paused_title")}</p><p>${t.text("paused_text")}</p></div>`;
    }
    if (phase === "words" || phase === "debrief") return this.words(screen);
    return nothing;
  }

  /** @param {any} question */
  question(question) {
    const t = this.t;
    const chosen = this.form.answer ?? question.mine;
    return html`<div class="held paper" role="dialog" aria-label=${t.of(question.text)}>
      <div class="row"><span class="grow"></span><span class="pill">${t.text("question_left", { n: Math.ceil(question.left_s) })}</span></div>
      <p class="lead">${t.of(question.text)}</p>
      ${question.options.length
        ? question.options.map(
            (/** @type {any} */ option, /** @type {number} */ place) =>
              html`<button type="button" class="big option" ?disabled=${this.watching} aria-pressed=${String(chosen === String(place))}
                @click=${() => ((this.form.answer = String(place)), this.draw())}>${t.of(option)}</button>`,
          )
        : html`<label class="field">${t.text("answer_number")} ${question.unit}<input inputmode="decimal" ?disabled=${this.watching}
            .value=${chosen ?? ""} @input=${(/** @type {any} */ e) => (this.form.answer = e.target.value)} /></label>`}
      <button type="button" class="primary big" id="send-answer" ?disabled=${this.watching}
        @click=${() => this.act("POST", "/seat/answer", { value: String(this.form.answer ?? "") })}>${t.text("answer_send")}</button>
      <small>${question.mine === null ? t.text("answer_private") : t.text("answer_sent")}</small>
      ${this.problem ? html`<p class="note bad" role="alert">${this.problem}</p>` : nothing}
    </div>`;
  }

  /** Read the score once; it does not change after the encounter. */
  async readScore() {
    if (this.scoreAsked || this.watching) return;
    this.scoreAsked = true;
    const found = await this.act("GET", "/seat/score");
    if (!found) return;
    const { scoreReport } = await import("./room_score.js");
    this.score = scoreReport(this.t, found);
    this.queueDraw();
    const debrief = await this.act("GET", "/seat/debrief");
    if (!debrief) return;
    const { debriefChart } = await import("./debrief_chart.js");
    this.debrief = () => debriefChart(this.t, debrief, this.ghost, (ghost) => ((this.ghost = ghost), this.queueDraw()));
    this.queueDraw();
  }

  /** @param {any} screen */
  words(screen) {
    const t = this.t;
    const { form } = this;
    if (screen.seat.words) {
      if (screen.class.phase === "debrief") void this.readScore();
      return html`<div class="held paper ${this.score ? "report" : ""}" tabindex="0" role="region" aria-label=${t.text("score")}>${this.score ?? html`<p class="lead">${t.text("words_sent")}</p>`}
        ${this.debrief?.() ?? nothing}
        <blockquote>${screen.seat.words}</blockquote><p>→ ${screen.seat.change}</p></div>`;
    }
    const count = (form.words ?? "").trim().split(/\s+/).filter(Boolean).length;
    return html`<form class="held paper" @submit=${(/** @type {Event} */ e) => {
      e.preventDefault();
      void this.act("POST", "/seat/reflection", { words: form.words ?? "", change: form.change ?? "" });
    }}>
      <p class="lead">${t.text("words_title")}</p>
      <label class="field">${t.text("words_text")}<textarea id="words" rows="4" ?disabled=${this.watching} .value=${form.words ?? ""}
          @input=${(/** @type {any} */ e) => ((form.words = e.target.value), this.queueDraw())}></textarea></label>
      <small>${t.text("words_n", { n: count })}</small>
      <label class="field">${t.text("words_change")}<input id="change" ?disabled=${this.watching} .value=${form.change ?? ""}
          @input=${(/** @type {any} */ e) => (form.change = e.target.value)} /></label>
      ${this.problem ? html`<p class="note bad" role="alert">${this.problem}</p>` : nothing}
      <button class="primary big" id="send-words" ?disabled=${this.watching}>${t.text("send")}</button>
    </form>`;
  }
}
