// @ts-check
/** What all live pages share: the stream, the top bar, the clock, the frame loop. */

import { html, nothing, render } from "../vendor/lit-html.js";
import { startFlashing } from "../alarms/priorities.js";
import { age, clockTime } from "../i18n/format.js";
import { t } from "../i18n/words.js";
import { startLanguage } from "./language.js";
import { decodeFrames } from "../waves/frames.js";
import { Sound } from "../alarms/sound.js";
import { AlarmWatch } from "../alarms/watch.js";
import { keyed } from "./keys.js";
import { lookAgain, lookUp } from "./me.js";
import { Ward } from "./state.js";
import { Stream } from "./stream.js";
import { whoIsHere } from "./who.js";

const STREAM = "/api/v1/stream";

export class Shell {
  /**
   * @param {string[]} subjects @param {() => void} draw called when what is shown may have changed
   * @param {() => string} title of the page while there is no alarm
   * @param {() => number} sweep seconds across the page's traces
   * @param {number} base the highest rung that the page asks for: 2 for one without live waves
   */
  constructor(subjects, draw, title, sweep, base = 0) {
    this.ward = new Ward();
    this.sound = new Sound(() => this.queueDraw());
    this.draw = draw;
    this.drawQueued = false;
    this.stream = new Stream(subjects, {
      text: (message) => {
        this.ward.apply(message, this.stream.now());
        this.watch.refresh();
        this.queueDraw();
      },
      waves: (data, at) => this.takeWaves(data, at),
      closed: () => void lookAgain(),
    }, STREAM, sweep, base);
    this.watch = new AlarmWatch(this.ward, this.stream, this.sound, { spoken: element("spoken"), title });
    /** @type {((nowMs: number) => void)[]} */
    this.frames = [];
    this.statistics = new FrameStatistics();
    /** @type {import("./offline.js").LastKnown | null} */
    this.lastKnown = null;
    /** Whether this page opens without the gateway. */
    this.kept = false;
    startLanguage();
    startFlashing();
    void lookUp().then(() => this.queueDraw());
    new Worker("/static/core/ticker.js").onmessage = () => this.tick();
    requestAnimationFrame((stamp) => this.loop(stamp));
    // what is not needed to show the patient comes after what is
    // the texts may have come after the load of everything else
    if (base > 0) return;
    if (document.readyState === "complete") void this.keep();
    else addEventListener("load", () => void this.keep());
  }

  /** Keep the page's files and what it shows, for the day when the gateway cannot be reached. */
  async keep() {
    const { LastKnown, keepFiles } = await import("./offline.js");
    this.lastKnown = new LastKnown(!this.stream.subjects.length);
    await keepFiles(() => (this.kept = true));
  }

  /** Twice a second, hidden or not. */
  tick() {
    this.stream.tick();
    this.watch.refresh();
    this.lastKnown?.tick(this.ward, this.stream.now(), this.stream.link().state !== "lost");
    this.queueDraw();
  }

  /** @param {ArrayBuffer} data @param {number} at where the frames begin */
  takeWaves(data, at) {
    const now = this.stream.now();
    decodeFrames(
      data,
      at,
      (run) => this.ward.byKey.get(run.key)?.waves.take(run, now),
      (frame) => frame.beats && this.beat(frame.key, now),
    );
  }

  /** Only the page of one bed shows beats. @param {number} key @param {number} now */
  beat(key, now) {
    this.ward.beat(key, now);
    if (this.stream.subjects.length) this.queueDraw();
  }

  /** Draw the numbers soon: once for many messages. */
  queueDraw() {
    if (this.drawQueued) return;
    this.drawQueued = true;
    requestAnimationFrame(() => {
      this.drawQueued = false;
      this.draw();
    });
  }

  /** @param {number} stamp */
  loop(stamp) {
    const begin = performance.now();
    const now = this.stream.now();
    for (const frame of this.frames) frame(now);
    this.statistics.note(stamp, performance.now() - begin);
    requestAnimationFrame((next) => this.loop(next));
  }

  /** The right half of the top bar. */
  status() {
    const link = this.stream.link();
    const round = Number.isFinite(link.roundTripMs) ? `${Math.round(link.roundTripMs)} ms` : "";
    const texts = {
      live: () => t("link_live", { round }),
      reduced: () => t(`link_${link.rung}`),
      stale: () => t("link_stale", { age: age(link.staleMs) }),
      lost: () => t("link_lost", { age: age(link.lostMs) }),
    };
    const text = this.ward.received || link.state === "live" ? texts[link.state]() : t("link_connecting");
    const mark = { live: "●", reduced: "◐", stale: "○", lost: "○" }[link.state];
    return html`<span class="pill" id="link" data-link=${link.state} role="status" aria-live="off"
        ><span aria-hidden="true">${mark}</span> ${text}</span
      >
      <time class="pill" id="clock">${clockTime(this.stream.now())}</time>
      ${whoIsHere()}`;
  }

  /** @param {boolean} simulated */
  simulation(simulated) {
    return simulated
      ? html`<span class="pill simulation" id="simulation"
          ><b>${t("simulation")}</b><span class="wide">${t("simulation_more")}</span></span
        >`
      : null;
  }

  soundButton() {
    const { audible } = this.sound;
    return html`<button
      type="button"
      id="sound"
      class=${audible ? "" : "silent"}
      aria-pressed=${String(audible)}
      aria-keyshortcuts="s"
      @click=${() => this.sound.toggle()}
    >
      ${audible ? keyed(t("sound_on"), "s") : html`<span>${t("sound_off")}<span class="wide">${t("sound_off_more")}</span></span>`}
    </button>`;
  }
}

/** Frame rate and cost of drawing over the last seconds; benchmarks and tests read it. */
class FrameStatistics {
  constructor() {
    this.count = 0;
    this.lastStamp = NaN;
    this.intervals = new Float32Array(600);
    this.costs = new Float32Array(600);
    /** From the time of a sample to its drawing, for the newest one of each frame. */
    this.delays = /** @type {number[]} */ ([]);
  }

  /** @param {number} nowMs @param {number} sampleMs NaN when nothing was drawn */
  noteDrawn(nowMs, sampleMs) {
    if (Number.isNaN(sampleMs)) return;
    this.delays.push(nowMs - sampleMs);
    if (this.delays.length > 2000) this.delays.splice(0, 1000);
  }

  /** @param {number} stamp @param {number} costMs */
  note(stamp, costMs) {
    const place = this.count % this.intervals.length;
    this.intervals[place] = stamp - this.lastStamp;
    this.costs[place] = costMs;
    this.lastStamp = stamp;
    this.count++;
  }
}

/** @param {string} id @returns {HTMLElement} */
export function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

export { html, nothing, render };
