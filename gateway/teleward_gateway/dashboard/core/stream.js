// @ts-check
/**
 * The one WebSocket of a page: reconnects, knows the gateway's clock, and reports its state.
 *
 * The socket alone is the source of truth for "live": a socket that is open but carries nothing is
 * closed after SILENCE_MS, and a page that was hidden or changed networks tries again at once. A
 * gateway sends an update each second even when nothing changes: answers to pings alone prove
 * nothing about the ward, so without an update for STALE_MS the page is stale. Connecting has a
 * deadline of its own: a slow handshake is not the silence of the connection before.
 *
 * @typedef {object} LinkState
 * @property {"live"|"reduced"|"stale"|"lost"} state
 * @property {number} roundTripMs
 * @property {number} lostMs   how long nothing arrives
 * @property {number} staleMs  how long no update arrives
 * @property {string} rung     full, lean or numbers
 * @property {number} dropped  messages the gateway left out because this page was too slow
 */

import { splitChange } from "../waves/frames.js";

const PING_MS = 2000;
/** Pings come every 2 s: after two without an answer the link carries nothing. */
const SILENCE_MS = 4500;
const STALE_MS = 3000;
const OF_WAVES = { stale: STALE_MS, silence: SILENCE_MS, ping: PING_MS };
/** Numbers alone come every two seconds. */
const OF_NUMBERS = { stale: 5500, silence: 7000, ping: 6000 };
const TICK_MS = 500;
const RETRY_MS = [250, 500, 1000, 1500];
/** For a handshake, name look-up and encryption included; longer after each that failed. */
const CONNECT_MS = [10000, 15000, 20000, 30000];
/** An answer that took longer waited behind waves: the link carries too much. */
const STRAINED_MS = 1000;
/** Strained answers within WINDOW_MS that make the page ask for less. */
const STRAINS = 2;
const WINDOW_MS = 10000;
const CLIMB_MS = 30000;
/** The time of day moves on while a computer sleeps, and its monotonic clock may not. */
const SLEPT_MS = 2000;
/** A handshake that began before a page woke up or changed networks may never end. */
const PATIENCE_MS = 1000;
/** What the gateway keeps. */
const LONGEST_SWEEP_S = 20;
const RUNGS = ["full", "lean", "numbers"];

export class Stream {
  /**
   * @param {string[]} subjects empty for all
   * @param {{text: (message: any) => void, waves: (data: ArrayBuffer, at: number) => void,
   *   closed?: () => void}} handlers
   * @param {string} path the socket's address on this server
   * @param {() => number} sweep seconds of waves that fill the page: asked for at each opening
   * @param {number} base the highest rung that the page asks for: 2 for one without live waves
   */
  constructor(subjects, handlers, path = "/api/v1/stream", sweep = () => 0, base = 0) {
    this.path = path;
    this.closed = false;
    this.subjects = subjects;
    this.sweep = sweep;
    this.handlers = handlers;
    this.offsetMs = Date.now() - performance.now();
    this.synchronised = false;
    this.roundTripMs = NaN;
    this.dropped = 0;
    this.receivedBytes = 0;
    this.messages = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.attempt = 0;
    this.openedAt = NaN;
    this.startedAt = performance.now();
    this.receivedAt = performance.now();
    /** When the ward was last heard of: a whole state, an update or waves. */
    this.updatedAt = performance.now();
    this.connectBy = Infinity;
    this.retryAt = Infinity;
    this.timeouts = 0;
    this.base = base;
    this.rung = base;
    this.rungSince = performance.now();
    /** @type {number[]} */
    this.strains = [];
    /** @type {{at: number, roundTrip: number, offset: number}[]} */
    this.clockReadings = [];
    this.retryTimer = 0;
    this.beatAt = performance.now();
    /** How far the time of day is ahead of the monotonic clock: it grows in sleep. */
    this.aheadMs = Date.now() - performance.now();
    this.ticking = setInterval(() => this.tick(), TICK_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.retryNow());
    document.addEventListener("resume", () => this.retryNow());
    addEventListener("online", () => this.retryNow());
    this.open();
  }

  /** The gateway's time in ms since 1970. */
  now() {
    return performance.now() + this.offsetMs;
  }

  /** How long this page waits for what, ms. */
  get waits() {
    return RUNGS[this.rung] === "numbers" ? OF_NUMBERS : OF_WAVES;
  }

  /** @returns {LinkState} */
  link() {
    const silent = performance.now() - this.receivedAt;
    const open = this.socket?.readyState === WebSocket.OPEN && Number.isFinite(this.openedAt);
    const lost = !open || silent > this.waits.silence;
    const staleMs = performance.now() - this.updatedAt;
    const stale = staleMs > this.waits.stale;
    return {
      state: lost ? "lost" : stale ? "stale" : this.rung > this.base ? "reduced" : "live",
      roundTripMs: this.roundTripMs,
      lostMs: silent,
      staleMs,
      rung: RUNGS[this.rung],
      dropped: this.dropped,
    };
  }

  /** Twice in ten seconds means that the link cannot carry this much. */
  strained() {
    const now = performance.now();
    this.strains = this.strains.filter((at) => now - at < WINDOW_MS);
    this.strains.push(now);
    if (this.strains.length >= STRAINS) this.climb(1);
  }

  /** @param {number} step +1 asks for less, -1 for more */
  climb(step) {
    const rung = Math.min(Math.max(this.rung + step, this.base), RUNGS.length - 1);
    this.strains = [];
    this.rungSince = performance.now();
    if (rung !== this.rung) {
      this.rung = rung;
      this.send({ type: "rung", rung: RUNGS[rung] });
    }
  }

  /** @param {object} message */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** End it: the socket stays closed. */
  close() {
    this.closed = true;
    clearInterval(this.ticking);
    clearTimeout(this.retryTimer);
    this.socket?.close();
  }

  open() {
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams();
    if (this.subjects.length) query.set("subjects", this.subjects.join(","));
    const sweep = this.rung ? 0 : Math.min(this.sweep(), LONGEST_SWEEP_S);
    if (sweep) query.set("sweep", sweep.toFixed(1));
    const search = query.size ? `?${query}` : "";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}${search}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.openedAt = NaN;
    const startedAt = performance.now();
    this.startedAt = startedAt;
    this.retryAt = Infinity;
    this.connectBy = startedAt + CONNECT_MS[Math.min(this.timeouts, CONNECT_MS.length - 1)];
    socket.onopen = () => {
      this.openedAt = performance.now();
      this.connectBy = Infinity;
      this.timeouts = 0;
      this.receivedAt = this.openedAt;
      this.clockReadings = [];
      if (this.rung) this.send({ type: "rung", rung: RUNGS[this.rung] });
      this.ping();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.handlers.closed?.();
      if (Number.isFinite(this.openedAt) && performance.now() - startedAt > 5000) this.attempt = 0;
      this.retryLater();
    };
  }

  retryLater() {
    this.socket = null;
    const wait = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    this.retryAt = performance.now() + wait;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.tick(), wait + 1);
  }

  /** Look at once whether the link is there: the page was hidden or asleep, or the network changed. */
  retryNow() {
    this.wake();
    const waiting = performance.now() - this.startedAt;
    const hopeless = this.socket?.readyState === WebSocket.CONNECTING ? waiting > PATIENCE_MS : this.silentMs() > this.waits.silence;
    if (this.socket && !hopeless) {
      this.ping();
      return;
    }
    this.drop();
    clearTimeout(this.retryTimer);
    this.open();
  }

  /** How long nothing arrived on a socket that is open. */
  silentMs() {
    return performance.now() - Math.max(this.receivedAt, this.openedAt || this.receivedAt);
  }

  /** After a sleep everything that is shown is as old as the sleep was long: ask again, trust nothing. */
  wake() {
    const aheadMs = Date.now() - performance.now();
    const slept = aheadMs - this.aheadMs;
    this.aheadMs = aheadMs;
    if (slept < SLEPT_MS) return;
    this.offsetMs += slept;
    this.receivedAt -= slept;
    this.updatedAt -= slept;
    this.openedAt -= slept;
    this.startedAt -= slept;
    this.synchronised = false;
    this.retryNow();
  }

  ping() {
    this.send({ type: "ping", sent: performance.now() });
  }

  /** What is due now; a page that rings also calls it from a timer that hidden pages keep. */
  tick() {
    if (this.closed) return;
    this.wake();
    const now = performance.now();
    if (!this.socket) {
      if (now >= this.retryAt) this.open();
      return;
    }
    if (this.socket.readyState === WebSocket.CONNECTING) {
      if (now > this.connectBy) {
        this.timeouts++;
        this.drop();
        this.retryLater();
      }
      return;
    }
    if (this.silentMs() > this.waits.silence) {
      this.drop();
      this.open();
      return;
    }
    if (now - this.beatAt < this.waits.ping) return;
    this.beatAt = now;
    this.ping();
    if (this.rung > this.base && now - this.rungSince > CLIMB_MS) this.climb(-1);
  }

  /** Leave a socket that carries nothing, without waiting for it. */
  drop() {
    const phantom = this.socket;
    this.socket = null;
    if (!phantom) return;
    phantom.onopen = phantom.onclose = phantom.onmessage = null;
    phantom.close();
  }

  /** @param {string | ArrayBuffer} data */
  receive(data) {
    this.receivedAt = performance.now();
    this.messages++;
    if (typeof data !== "string") {
      this.receivedBytes += data.byteLength;
      this.updatedAt = this.receivedAt;
      const { text, frames } = splitChange(data);
      if (text) this.handlers.text(JSON.parse(text));
      this.handlers.waves(data, frames);
      return;
    }
    this.receivedBytes += data.length;
    const message = JSON.parse(data);
    if (message.type === "pong") {
      this.setTime(message);
      return;
    }
    this.updatedAt = this.receivedAt;
    if (message.type === "hello") {
      this.attempt = 0;
      this.dropped = message.dropped;
      if (message.dropped) this.climb(1);
      if (!this.synchronised) this.offsetMs = message.now - performance.now();
    }
    this.handlers.text(message);
  }

  /** The reading with the shortest round trip of the last minute is the best clock. */
  setTime(/** @type {{sent: number, now: number}} */ pong) {
    const at = performance.now();
    const roundTrip = at - pong.sent;
    this.roundTripMs = roundTrip;
    // the gateway cuts to whole milliseconds: half of one on average
    const offset = pong.now + 0.5 - (pong.sent + roundTrip / 2);
    if (roundTrip > STRAINED_MS) this.strained();
    this.clockReadings = this.clockReadings.filter((reading) => at - reading.at < 60000);
    this.clockReadings.push({ at, roundTrip, offset });
    const best = this.clockReadings.reduce((a, b) => (b.roundTrip < a.roundTrip ? b : a));
    const stepped = Math.abs(offset - best.offset) > Math.max(roundTrip, 500);
    if (stepped) this.clockReadings = [{ at, roundTrip, offset }];
    this.offsetMs = stepped ? offset : best.offset;
    this.synchronised = true;
  }
}
