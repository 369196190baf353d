// @ts-check
/**
 * Keys of a page: each stands underlined in its button, and "?" opens the list of all.
 *
 * @typedef {{key: string, text: string, act: () => unknown}} Key
 */

import { t } from "../i18n/words.js";
import { languageButtons } from "./language.js";
import { html, render } from "../vendor/lit-html.js";

/** @param {string} text of a button @param {string} key @returns {unknown} with the key underlined */
export function keyed(text, key) {
  const at = text.toLowerCase().indexOf(key);
  // a script without that letter: it stands behind
  if (at < 0) return html`<span>${text} <u>${key}</u></span>`;
  return html`<span>${text.slice(0, at)}<u>${text[at]}</u>${text.slice(at + 1)}</span>`;
}

/** @param {Event} event @returns {boolean} whether a person is typing, or a dialog is open */
function typing({ target }) {
  const field = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  return field || target instanceof HTMLTextAreaElement || document.querySelector("dialog[open]") !== null;
}

export class KeyMap {
  /**
   * @param {HTMLElement} root @param {Key[]} keys
   * @param {{title: string, close: string, list: string}} words of the list itself
   */
  constructor(root, keys, words = { title: t("keys"), close: t("close"), list: t("key_list") }) {
    this.keys = keys;
    this.words = words;
    /** Further lines below the keys. @type {string[]} */
    this.hints = [];
    this.dialog = document.createElement("dialog");
    this.dialog.id = "keys-dialog";
    this.dialog.setAttribute("aria-labelledby", "keys-title");
    root.append(this.dialog);
    addEventListener("keydown", (event) => this.press(event));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event)) return;
    if (event.key === "?") {
      this.open();
      return;
    }
    const found = this.keys.find(({ key }) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found.act();
  }

  open() {
    render(
      html`<header>
          <h2 id="keys-title">${this.words.title}</h2>
          <button type="button" @click=${() => this.dialog.close()}>${this.words.close}</button>
        </header>
        <dl class="keymap">
          ${this.keys.map(({ key, text }) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}
          <div><dt><kbd>?</kbd></dt><dd>${this.words.list}</dd></div>
        </dl>
        ${this.hints.map((hint) => html`<p class="quiet">${hint}</p>`)}
        ${languageButtons()}`,
      this.dialog,
    );
    this.dialog.showModal();
  }
}
