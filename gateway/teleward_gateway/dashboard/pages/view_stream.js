// @ts-check
/** A socket that sends a whole view again and again (board, wall); it comes back by itself. */

const RETRY_MS = 1000;
/** A view comes each second at least: without one for so long the page is not live. */
const SILENCE_MS = 3500;

export class ViewStream {
  /** @param {string} path @param {() => void} changed */
  constructor(path, changed) {
    this.path = path;
    this.changed = changed;
    /** @type {any} */
    this.view = null;
    /** Why there is no view: the gateway's sentence, or "" while views come. */
    this.problem = "";
    this.receivedAt = performance.now();
    /** @type {WebSocket | null} */
    this.socket = null;
    this.closed = false;
    this.watching = setInterval(() => this.watch(), 500);
    this.open();
  }

  /** Whether the newest view is too old to be taken for the present. */
  get lost() {
    return performance.now() - this.receivedAt > SILENCE_MS;
  }

  /** Leave a socket that carries nothing: a network that is gone closes none. */
  watch() {
    if (!this.lost) return;
    this.changed();
    if (this.socket?.readyState === WebSocket.OPEN) this.retry(this.socket);
  }

  /** @param {WebSocket} socket */
  retry(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    socket.onclose = socket.onmessage = null;
    socket.close();
    if (!this.closed) setTimeout(() => this.open(), RETRY_MS);
  }

  close() {
    this.closed = true;
    clearInterval(this.watching);
    if (this.socket) this.retry(this.socket);
  }

  open() {
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
    this.socket = socket;
    socket.onmessage = (event) => {
      this.view = JSON.parse(event.data);
      this.receivedAt = performance.now();
      this.problem = "";
      this.changed();
    };
    socket.onclose = (event) => {
      this.problem = event.reason;
      this.retry(socket);
      this.changed();
    };
  }
}
