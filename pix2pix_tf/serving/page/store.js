// What survives a reload: the drawing and the settings, in the browser's localStorage.

import { ZONES } from "./mask.js";

const DRAWING = "pix2pix_tf.drawing";
const SETTINGS = "pix2pix_tf.settings";

/**
 * Keeps the drawing.
 * @param {import("./mask.js").Mask} mask
 * @returns {boolean} false where the browser does not keep it (no room, or storage forbidden)
 */
export function saveDrawing(mask) {
  return put(DRAWING, { width: mask.width, height: mask.height, runs: packRuns(mask.cells) });
}

/** @returns {import("./mask.js").Mask | null} null where none was kept, or what was kept is damaged */
export function loadDrawing() {
  const kept = get(DRAWING);
  if (!kept || !Array.isArray(kept.runs)) return null;
  const cells = unpackRuns(kept.runs, kept.width * kept.height);
  return cells && { width: kept.width, height: kept.height, cells };
}

/** @param {object} settings @returns {boolean} as saveDrawing */
export function saveSettings(settings) {
  return put(SETTINGS, settings);
}

/** @returns {object} {} where none were kept */
export function loadSettings() {
  return get(SETTINGS) ?? {};
}

/** @param {Uint8Array} cells @returns {number[]} zone, length, zone, length, ... */
export function packRuns(cells) {
  const runs = [];
  for (let i = 0; i < cells.length; ) {
    const from = i;
    while (i < cells.length && cells[i] === cells[from]) i++;
    runs.push(cells[from], i - from);
  }
  return runs;
}

/** @param {number[]} runs @param {number} count of cells @returns {Uint8Array | null} null where they do not fit */
export function unpackRuns(runs, count) {
  const good = runs.every((value, i) => Number.isInteger(value) && (i % 2 ? value > 0 : value in ZONES));
  const sum = runs.reduce((total, value, i) => (i % 2 ? total + value : total), 0);
  if (!good || sum !== count || !count || runs.length % 2) return null;
  const cells = new Uint8Array(count);
  let place = 0;
  for (let i = 0; i < runs.length; i += 2) cells.fill(runs[i], place, (place += runs[i + 1]));
  return cells;
}

function put(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

function get(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}
