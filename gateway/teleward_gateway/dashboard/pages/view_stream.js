// @ts-check
/** A socket that sends a whole view again and again (board, wall); it comes back by itself. */

const RETRY_MS = 1000;

export class ViewStream {
  /** @param {string} path @param {() => void} changed */
  constructor(path, changed) {
    this.path = path;
    this.changed = changed;
    /** @type {any} */
    this.view = null;
    this.problem = "";
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.path}`);
    socket.onmessage = (event) => {
      this.view = JSON.parse(event.data);
      this.problem = "";
      this.changed();
    };
    socket.onclose = (event) => {
      this.problem = event.reason || "closed";
      this.changed();
      setTimeout(() => this.open(), RETRY_MS);
    };
  }
}
