// @ts-check
/**
 * The stretch of time that a trends page shows: how long, and where it ends. It stands in the address
 * of the page, so that a link or a reload shows the same.
 *
 * @typedef {"1h"|"8h"|"24h"|"7d"|"30d"} Length
 */

const HOUR_MS = 3600e3;

/** Lengths by name: an hour, a shift, a day, a week, a month. */
export const LENGTHS = /** @type {Record<Length, number>} */ ({
  "1h": HOUR_MS,
  "8h": 8 * HOUR_MS,
  "24h": 24 * HOUR_MS,
  "7d": 7 * 24 * HOUR_MS,
  "30d": 30 * 24 * HOUR_MS,
});
export const NAMES = /** @type {Length[]} */ (Object.keys(LENGTHS));
/** Ten buckets of the finest trend. */
const SHORTEST_MS = 100e3;
/** Alarms and notes of longer are a report: the gateway lists eight days. */
export const LONGEST_TIMELINE_MS = 8 * 24 * HOUR_MS;

export class Range {
  /** @param {URLSearchParams} address */
  constructor(address) {
    const name = /** @type {Length} */ (address.get("range"));
    this.length = LENGTHS[name] ?? LENGTHS["8h"];
    /** ms; null while it follows the present. @type {number | null} */
    this.end = null;
    const [from, to] = [Number(address.get("from")), Number(address.get("to"))];
    if (from > 0 && to - from >= SHORTEST_MS) {
      this.length = to - from;
      this.end = to;
    }
    this.view = address.get("view") === "table" ? "table" : "lines";
  }

  /** @returns {Length | undefined} the name of its length, where it has one */
  name() {
    return NAMES.find((name) => LENGTHS[name] === this.length);
  }

  /** @param {number} nowMs @returns {[number, number]} begin and end, ms */
  at(nowMs) {
    const end = this.end ?? nowMs;
    return [end - this.length, end];
  }

  /** Show another length that ends where this one did. @param {Length} name */
  choose(name) {
    this.length = LENGTHS[name];
  }

  /** Show what was marked on a plot. @param {number} from @param {number} to ms */
  zoom(from, to) {
    if (to - from < SHORTEST_MS) return false;
    this.length = to - from;
    this.end = to;
    return true;
  }

  /** Move by half a stretch. @param {1 | -1} way @param {number} nowMs */
  move(way, nowMs) {
    const end = (this.end ?? nowMs) + (way * this.length) / 2;
    this.end = end >= nowMs ? null : end;
  }

  write() {
    const address = new URLSearchParams();
    const name = this.name();
    if (this.end !== null) {
      address.set("from", String(Math.round(this.end - this.length)));
      address.set("to", String(Math.round(this.end)));
    } else if (name) address.set("range", name);
    if (this.view === "table") address.set("view", "table");
    history.replaceState(null, "", `?${address}`);
  }
}
