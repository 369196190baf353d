// @ts-check
/**
 * Sound, title and announcements of a page. They follow messages and a timer, never painting: a
 * page behind another tab is not painted, and its alarms count all the same.
 */

import { t } from "../i18n/words.js";
import { Announcer, MARKS, topAlarm } from "./priorities.js";

/** @typedef {import("../core/state.js").Alarm} Alarm */
/** @typedef {{where: string, alarm: Alarm, paused: boolean}} Watched */

/** Without an update for so long, no alarm of the ward can arrive: that is an alarm itself. */
const NO_GATEWAY_MS = 10000;

export class AlarmWatch {
  /**
   * @param {import("../core/state.js").Ward} ward
   * @param {import("../core/stream.js").Stream} stream
   * @param {import("./sound.js").Sound} sound
   * @param {{spoken: HTMLElement, title: () => string}} page where it speaks, and its quiet title
   */
  constructor(ward, stream, sound, page) {
    this.ward = ward;
    this.stream = stream;
    this.sound = sound;
    this.page = page;
    this.announcer = new Announcer(page.spoken);
  }

  /** @returns {Watched[]} every alarm of the page, with that of the page's own link */
  watched() {
    const now = this.stream.now();
    const found = [...this.ward.subjects.values()].flatMap(({ info, alarms }) =>
      alarms
        .filter((alarm) => alarm.priority !== "info")
        .map((alarm) => ({ where: info.bed, alarm, paused: (info.audio_pause ?? 0) > now })),
    );
    const link = this.linkAlarm();
    return link ? [{ where: "", alarm: link, paused: false }, ...found] : found;
  }

  /** @returns {Alarm | null} */
  linkAlarm() {
    const { staleMs } = this.stream.link();
    if (!this.ward.received || staleMs < NO_GATEWAY_MS) return null;
    return {
      condition: "no_gateway",
      kind: "technical",
      priority: "medium",
      presence: "on",
      text: t("no_gateway"),
      metric: null,
      value: null,
      limit: null,
      since: this.stream.now() - staleMs,
      author: null,
    };
  }

  refresh() {
    const watched = this.watched();
    const sounding = watched.filter(({ alarm, paused }) => !paused && alarm.presence !== "ack");
    this.sound.update(topAlarm(sounding.map(({ alarm }) => alarm)));
    this.announcer.announce(watched);
    const title = this.titleOf(watched);
    if (document.title !== title) document.title = title;
  }

  /** @param {Watched[]} watched */
  titleOf(watched) {
    const top = topAlarm(watched.map(({ alarm }) => alarm));
    const where = watched.find(({ alarm }) => alarm === top)?.where;
    const state = this.stream.link().state;
    const old = this.ward.received && (state === "stale" || state === "lost") ? `${t("stale_title")} · ` : "";
    const quiet = this.page.title();
    if (!top) return `${old}${quiet} · Teleward`;
    const place = where && where !== quiet ? `${where}: ` : "";
    return `${old}${MARKS[top.priority]} ${place}${top.text} · ${quiet} · Teleward`;
  }
}
