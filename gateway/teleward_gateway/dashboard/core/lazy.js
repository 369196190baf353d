// @ts-check
/** Dialogs that come with their first opening: what shows the patient comes before them. */

import { Refusal, offline } from "./api.js";

/** @template {{open: (...about: any[]) => void}} Dialog */
export class Lazy {
  /** @param {() => Promise<Dialog>} make loads and makes it */
  constructor(make) {
    this.make = make;
    /** @type {Promise<Dialog> | null} */
    this.coming = null;
    /** The dialog, once it is there. @type {Dialog | null} */
    this.made = null;
  }

  /** @param {any[]} about what the dialog takes */
  async open(...about) {
    this.coming ??= this.make();
    try {
      this.made = await this.coming;
    } catch {
      this.coming = null;
      throw new Refusal(offline.text, "refused_offline");
    }
    this.made.open(...about);
  }
}
