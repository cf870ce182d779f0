// Zone, tool, brush, view, seed: what the user has set, shown by the controls and kept for the next time.

import { ZONES } from "./mask.js";

const MAX_SEED = 2 ** 31 - 1; // the export takes int32
const DICE = 10000; // the dice throw a seed below this, short enough to be read out
const DEFAULTS = { zone: 2, kind: "brush", size: 11, seed: 0, live: true, view: "side" };

const $ = (id) => document.getElementById(id);

/**
 * @typedef {object} Values
 * @property {number} zone index into ZONES
 * @property {"brush" | "line" | "fill"} kind of tool
 * @property {number} size diameter of brush and line, pixels of the mask, odd
 * @property {number} seed 0 to 2^31 - 1
 * @property {boolean} live whether each change is painted
 * @property {"side" | "over"} view mask and image side by side, or one over the other
 */

export class Controls {
  /** @type {Values} always the same object */
  values;
  #changed;

  /**
   * @param {Partial<Values>} kept from the last time
   * @param {(names: string[]) => void} changed called after each change, with the names of the values
   */
  constructor(kept, changed) {
    const known = Object.keys(DEFAULTS).filter((name) => typeof kept[name] === typeof DEFAULTS[name]);
    this.values = { ...DEFAULTS, ...Object.fromEntries(known.map((name) => [name, kept[name]])) };
    this.#changed = changed;
    $("zones").append(...ZONES.map(zoneChoice));
    this.#listen();
    this.#show();
  }

  /** @param {Partial<Values>} change */
  set(change) {
    Object.assign(this.values, change);
    this.#show();
    this.#changed(Object.keys(change));
  }

  /** @param {number} size brush diameter; kept within what the mask allows */
  setBrush(size) {
    this.set({ size: Math.min(Number($("brush").max), Math.max(1, size)) });
  }

  /** @param {number} side of the mask, pixels; the largest brush is about half of it, and odd */
  limitBrush(side) {
    $("brush").max = 2 * Math.floor(side / 4) + 1;
    if (this.values.size > Number($("brush").max)) this.setBrush(Number($("brush").max));
  }

  /** Another seed than the present one. */
  throwDice() {
    const thrown = Math.floor(Math.random() * DICE);
    this.set({ seed: thrown === this.values.seed ? DICE : thrown });
  }

  #listen() {
    const on = (id, name, handler) => $(id).addEventListener(name, (event) => handler(event.target));
    on("zones", "change", ({ value }) => this.set({ zone: Number(value) }));
    on("tools", "change", ({ value }) => this.set({ kind: value }));
    on("view", "change", ({ value }) => this.set({ view: value }));
    on("brush", "input", ({ value }) => this.setBrush(Number(value)));
    on("live", "change", ({ checked }) => this.set({ live: checked }));
    on("seed", "change", ({ value }) => this.set({ seed: Math.min(MAX_SEED, Math.max(0, Math.round(Number(value)))) }));
    on("dice", "click", () => this.throwDice());
    on("split", "input", ({ value }) => $("panes").style.setProperty("--split", `${value}%`));
  }

  #show() {
    const { zone, kind, size, seed, live, view } = this.values;
    for (const [name, value] of Object.entries({ zone, tool: kind, view })) {
      for (const radio of document.getElementsByName(name)) radio.checked = radio.value === String(value);
    }
    $("brush").value = size;
    $("brush-size").textContent = `${size} px`;
    $("seed").value = seed;
    $("live").checked = live;
    $("panes").classList.toggle("over", view === "over");
  }
}

/** A radio button with colour, name and key of a zone. */
function zoneChoice({ name, hint, colour }, index) {
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "zone", value: index });
  const shown = Object.assign(document.createElement("span"), { className: "zone" });
  const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
  swatch.style.backgroundColor = `rgb(${colour.join(" ")})`;
  const text = document.createElement("span");
  text.append(name, Object.assign(document.createElement("small"), { textContent: hint }));
  shown.append(swatch, text, Object.assign(document.createElement("kbd"), { textContent: index + 1 }));
  label.append(radio, shown);
  return label;
}
