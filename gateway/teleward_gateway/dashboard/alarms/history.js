// @ts-check
/**
 * Past alarms of one subject as the record has them: when each began and ended, and who
 * acknowledged it.
 *
 * @typedef {object} Episode
 * @property {string} condition @property {string} text @property {"high"|"medium"|"low"|"info"} priority
 * @property {"physiological"|"technical"} kind
 * @property {number} began ms @property {number|null} ended ms; null while it goes on
 * @property {string|null} author who acknowledged it @property {number|null} acknowledged ms
 */

import { call } from "../core/api.js";
import { html } from "../vendor/lit-html.js";
import { MARKS } from "./priorities.js";
import { duration, moment } from "../i18n/format.js";
import { t, translated } from "../i18n/words.js";
import { stripAround } from "../core/addresses.js";

const DAY_NS = 86400e9;
const MOST = 5000;
const RANK = { high: 0, medium: 1, low: 2, info: 3 };

/**
 * One episode from "on" to "off"; its text and priority are the most urgent that it had.
 * @param {any[]} records alarm records, oldest first @returns {Episode[]} newest first
 */
export function episodes(records) {
  /** @type {Map<string, Episode>} */
  const open = new Map();
  const found = /** @type {Episode[]} */ ([]);
  for (const { time_ns: timeNs, payload } of records) {
    const time = timeNs / 1e6;
    let episode = open.get(payload.condition);
    if (!episode) {
      if (payload.presence === "off") continue;
      episode = {
        condition: payload.condition,
        text: payload.text ?? payload.condition,
        priority: payload.priority,
        kind: payload.kind,
        began: time,
        ended: null,
        author: null,
        acknowledged: null,
      };
      open.set(payload.condition, episode);
      found.push(episode);
    }
    if (payload.presence === "off") {
      open.delete(payload.condition);
      episode.ended = time;
    } else if (RANK[/** @type {keyof typeof RANK} */ (payload.priority)] <= RANK[episode.priority]) {
      episode.priority = payload.priority;
      episode.text = payload.text ?? episode.text;
    }
    if (payload.author && episode.acknowledged === null) {
      episode.author = payload.author;
      episode.acknowledged = time;
    }
  }
  return found.reverse();
}

/** @param {string} subject @param {number} nowMs @returns {Promise<Episode[]>} of the last day */
export async function readEpisodes(subject, nowMs) {
  const query = new URLSearchParams({
    kind: "alarm",
    start_ns: String(Math.round(nowMs * 1e6 - DAY_NS)),
    limit: String(MOST),
  });
  const answer = await call("GET", `/subjects/${encodeURIComponent(subject)}/observations?${query}`);
  return episodes(answer.observations);
}

/** @param {Episode} episode @param {number} nowMs @param {string} subject */
export function episodeRow({ text, priority, began, ended, author, acknowledged, condition }, nowMs, subject) {
  const lasted = ended === null ? t("goes_on", { time: duration(nowMs - began) }) : t("lasted", { time: duration(ended - began) });
  const seen = acknowledged === null ? t("not_acknowledged") : t("acknowledged_by", { name: author, time: moment(acknowledged, nowMs) });
  return html`<li data-condition=${condition} data-priority=${priority}>
    <span class="al ${priority} ack"><b aria-hidden="true">${MARKS[priority]}</b>${translated(text)}</span>
    <time>${moment(began, nowMs)}</time>
    <small>${lasted} · ${seen}</small>
    <a class="around" href=${stripAround(subject, began)}>${t("strip_around")}</a>
  </li>`;
}
