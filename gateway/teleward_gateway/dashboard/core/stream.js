// @ts-check
/**
 * The one WebSocket of a page: reconnects, knows the gateway's clock, and reports its state.
 *
 * The socket alone is the source of truth for "live": a socket that is open but carries nothing is
 * closed after SILENCE_MS, and a page that was hidden or changed networks tries again at once.
 *
 * @typedef {object} LinkState
 * @property {"live"|"reduced"|"lost"} state
 * @property {number} roundTripMs
 * @property {number} lostMs   how long nothing arrives
 * @property {string} rung     full, lean or numbers
 * @property {number} dropped  messages the gateway left out because this page was too slow
 */

import { splitChange } from "../waves/frames.js";

const PING_MS = 2000;
/** Pings come every 2 s: after two without an answer the link carries nothing. */
const SILENCE_MS = 4500;
const RETRY_MS = [250, 500, 1000, 1500];
/** An answer that took longer waited behind waves: the link carries too much. */
const STRAINED_MS = 1000;
/** Strained answers within WINDOW_MS that make the page ask for less. */
const STRAINS = 2;
const WINDOW_MS = 10000;
const CLIMB_MS = 30000;
const RUNGS = ["full", "lean", "numbers"];

export class Stream {
  /**
   * @param {string[]} subjects empty for all
   * @param {{text: (message: any) => void, waves: (data: ArrayBuffer, at: number) => void}} handlers
   * @param {string} path the socket's address on this server
   */
  constructor(subjects, handlers, path = "/api/v1/stream") {
    this.path = path;
    this.closed = false;
    this.subjects = subjects;
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
    this.receivedAt = performance.now();
    this.rung = 0;
    this.rungSince = performance.now();
    /** @type {number[]} */
    this.strains = [];
    /** @type {{at: number, roundTrip: number, offset: number}[]} */
    this.clockReadings = [];
    this.retryTimer = 0;
    this.beating = setInterval(() => this.beat(), PING_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.retryNow());
    addEventListener("online", () => this.retryNow());
    this.open();
  }

  /** The gateway's time in ms since 1970. */
  now() {
    return performance.now() + this.offsetMs;
  }

  /** @returns {LinkState} */
  link() {
    const silent = performance.now() - this.receivedAt;
    const open = this.socket?.readyState === WebSocket.OPEN && Number.isFinite(this.openedAt);
    const lost = !open || silent > SILENCE_MS;
    return {
      state: lost ? "lost" : this.rung > 0 ? "reduced" : "live",
      roundTripMs: this.roundTripMs,
      lostMs: silent,
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
    const rung = Math.min(Math.max(this.rung + step, 0), RUNGS.length - 1);
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
    clearInterval(this.beating);
    clearTimeout(this.retryTimer);
    this.socket?.close();
  }

  open() {
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = this.subjects.length ? `?subjects=${encodeURIComponent(this.subjects.join(","))}` : "";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}${query}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.openedAt = NaN;
    const startedAt = performance.now();
    socket.onopen = () => {
      this.openedAt = performance.now();
      this.receivedAt = this.openedAt;
      this.clockReadings = [];
      if (this.rung) this.send({ type: "rung", rung: RUNGS[this.rung] });
      this.ping();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.socket = null;
      if (performance.now() - startedAt > 5000) this.attempt = 0;
      const wait = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)];
      clearTimeout(this.retryTimer);
      this.retryTimer = setTimeout(() => this.open(), wait * (0.8 + 0.4 * Math.random()));
    };
  }

  retryNow() {
    if (this.socket) {
      this.ping();
      return;
    }
    clearTimeout(this.retryTimer);
    this.open();
  }

  ping() {
    this.send({ type: "ping", sent: performance.now() });
  }

  beat() {
    const now = performance.now();
    if (this.socket && now - Math.max(this.receivedAt, this.openedAt || this.receivedAt) > SILENCE_MS) {
      const phantom = this.socket;
      this.socket = null;
      phantom.onclose = phantom.onmessage = null;
      phantom.close();
      this.open();
      return;
    }
    this.ping();
    if (this.rung > 0 && now - this.rungSince > CLIMB_MS) this.climb(-1);
  }

  /** @param {string | ArrayBuffer} data */
  receive(data) {
    this.receivedAt = performance.now();
    this.messages++;
    if (typeof data !== "string") {
      this.receivedBytes += data.byteLength;
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
