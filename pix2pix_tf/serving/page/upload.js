// Reads a mask from a PNG of the user or of the gallery.

import { readHeader } from "./png.js";
import { ZONES } from "./mask.js";

const MAX_SIDE = 4096; // pixels; a browser needs 4 bytes for each, and a mask is scaled to the model's size anyway
const TOLERANCE = 16; // in each channel, of 255: what a paint program's colour management may change

// A zone's values: its grey, and its colour on the screen. Black is both for "not available".
const PALETTE = ZONES.flatMap(({ grey, colour }, zone) => [
  { zone, colour: [grey, grey, grey] },
  { zone, colour },
]);

const TIFF = ["II*\0", "II+\0", "MM\0*", "MM\0+"]; // how TIFF and BigTIFF begin, in either byte order

/** @param {Blob} file @returns {Promise<boolean>} */
export async function isTiff(file) {
  return TIFF.includes(await file.slice(0, 4).text());
}

/** Why a picture is no mask: one sentence for the user. */
export class NoMask extends Error {}

/**
 * Reads a mask. Colours near a zone's grey or a zone's colour are taken as that zone.
 * @param {Blob} file
 * @param {string} name for messages
 * @returns {Promise<{mask: import("./mask.js").Mask, snapped: number}>} snapped: how many pixels were near, not equal
 * @throws {NoMask} no PNG, too large, damaged, or pixels of no zone
 */
export async function readMask(file, name) {
  const header = readHeader(new Uint8Array(await file.slice(0, 64).arrayBuffer()));
  if (!header) throw new NoMask(`${name} is neither PNG nor TIFF. A mask is an image with the values 0, 64, 127 and 254.`);
  if (header.bits === 16) throw new NoMask(`${name} has 16 bits; a mask has 8, and the greys 0, 64, 127 and 254.`);
  if (Math.max(header.width, header.height) > MAX_SIDE) {
    throw new NoMask(`${name} is ${header.width} × ${header.height} pixels; at most ${MAX_SIDE} a side are read.`);
  }
  const rgba = await pixels(file, name);
  return zonesOf(rgba, header.width, header.height, name);
}

/** The pixels as the file has them: no colour profile, no gamma. */
async function pixels(file, name) {
  try {
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  } catch {
    throw new NoMask(`${name} cannot be read; the file may be damaged. Save it as a PNG once more.`);
  }
}

/**
 * @param {Uint8ClampedArray} rgba [height * width * 4]
 * @param {number} width pixels
 * @param {number} height pixels
 * @param {string} name for messages
 */
export function zonesOf(rgba, width, height, name) {
  const cells = new Uint8Array(width * height);
  const known = new Map(); // of each colour met: its zone and whether it was exact
  let snapped = 0;
  let strange = 0;
  let example = "";
  for (let i = 0; i < cells.length; i++) {
    const [r, g, b, alpha] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2], rgba[4 * i + 3]];
    const key = ((alpha << 24) | (r << 16) | (g << 8) | b) >>> 0;
    if (!known.has(key)) known.set(key, nearest([r, g, b], alpha));
    const found = known.get(key);
    if (found) {
      cells[i] = found.zone;
      snapped += found.exact ? 0 : 1;
    } else if (!strange++) {
      const what = alpha < 255 ? "half transparent" : r === g && g === b ? `grey ${r}` : `RGB ${r}, ${g}, ${b}`;
      example = `${what} in column ${i % width}, row ${Math.floor(i / width)}`;
    }
  }
  if (strange) {
    const share = ((100 * strange) / cells.length).toFixed(strange / cells.length < 0.1 ? 1 : 0);
    throw new NoMask(
      `${name} is no mask: ${strange} pixels (${share} %) are of no zone, such as ${example}. ` +
        "A mask has the grey values 0, 64, 127 and 254, or the colours of the zones on this page.",
    );
  }
  return { mask: { width, height, cells }, snapped };
}

/** The zone whose grey or colour is nearest, or null where none is near. Where nothing was drawn, nothing is known. */
function nearest(colour, alpha) {
  if (alpha === 0) return { zone: 0, exact: true };
  if (alpha < 255) return null;
  let best = null;
  let least = TOLERANCE;
  for (const candidate of PALETTE) {
    const distance = Math.max(...candidate.colour.map((value, i) => Math.abs(value - colour[i])));
    if (distance <= least) [best, least] = [candidate.zone, distance];
  }
  return best === null ? null : { zone: best, exact: least === 0 };
}
