// Labelled pairs as files: a zip whose folders `python -m pix2pix_tf.prepare folder` reads.

import { crc32 } from "./crc32.js";
import { encodeGrey } from "./png.js";
import { greys } from "./mask.js";
import { makeZip } from "./zip.js";

/**
 * @typedef {object} Pair
 * @property {import("./mask.js").Mask} mask
 * @property {Uint8Array} png the image painted from it
 * @property {string} model name
 * @property {string} run
 * @property {string} origin of the data that the model was trained on
 * @property {number} version epoch
 * @property {number} seed
 * @property {string | null} condition null for a model without conditions
 * @property {string | null} [style] null for a model without styles
 */

/**
 * The file name of a pair, without its end. The same drawing, model and seed have the same name, others have another.
 * @param {Pair} pair
 * @returns {string}
 */
export function nameOf({ mask, model, version, seed, condition, style }) {
  const values = [...(condition ?? "").split(","), style ?? ""].filter(Boolean);
  const drawing = crc32(mask.cells).toString(16).padStart(8, "0");
  const parts = ["painted", model, version, `seed${seed}`, ...values, drawing];
  return parts.join("-").replace(/[^A-Za-z0-9]+/g, "-"); // "_" would make a scene's name of it
}

/** @param {Pair} pair @returns {Promise<Uint8Array>} its mask as the PNG that was sent */
export function maskPng({ mask }) {
  return encodeGrey(mask.width, mask.height, greys(mask));
}

/**
 * @param {Pair[]} pairs
 * @param {Date} time of the files
 * @returns {Promise<Uint8Array>} zones/<name>.png and sar/<name>.png of each pair; scenes.json, with the
 *   origin for `prepare folder`; and README.txt
 */
export async function zipPairs(pairs, time) {
  const painters = new Set(pairs.map(({ run, version }) => `${run}@${version}`));
  const metadata = { origin: `generated: ${[...painters].join(", ")}` };
  const texts = { "README.txt": readme(pairs), "scenes.json": `${JSON.stringify(metadata)}\n` };
  const entries = Object.entries(texts).map(([name, text]) => ({ name, data: new TextEncoder().encode(text) }));
  for (const pair of pairs) {
    const file = `${nameOf(pair)}.png`;
    entries.push({ name: `zones/${file}`, data: await maskPng(pair) }, { name: `sar/${file}`, data: pair.png });
  }
  return makeZip(entries, time);
}

function readme(pairs) {
  const size = pairs[0].mask.width;
  const lines = pairs.map((pair) => {
    const condition = pair.condition?.replace(/^,+|,+$/g, "");
    const facts = [`model ${pair.model} of run ${pair.run}`, `epoch ${pair.version}`, `seed ${pair.seed}`];
    if (condition) facts.push(`condition ${condition}`);
    if (pair.style) facts.push(`style ${pair.style}`);
    return `${nameOf(pair)}: ${[...facts, `trained on data: ${pair.origin}`].join(", ")}`;
  });
  return `Masks drawn by hand (zones/) and the radar images that a network painted from them (sar/).
The images are painted, not measured: they are for training and testing algorithms, and nothing about a glacier can be
read from them. Grey values of the masks: 0 not available, 64 rock, 127 glacier, 254 ocean and ice melange.

${lines.join("\n")}

To make a data set of them, unpack this and other such archives into one folder (two pairs at least), and:

  python -m pix2pix_tf.prepare folder --input FOLDER --output datasets/painted --size ${size} --split scene
`;
}
