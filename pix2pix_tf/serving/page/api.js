// The page's requests: models, masks to start from, images. Images come over TensorFlow Serving's REST interface.

/** The server sent no response. */
export class ServerAway extends Error {}

/** The server refused the request. `status` is the HTTP code: 503 if busy, 404 if a model or version is gone. */
export class Refused extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

/**
 * @typedef {object} Model
 * @property {string} name in addresses
 * @property {string} variant
 * @property {string} run
 * @property {number[]} versions epochs
 * @property {Object<string, number>} labels
 * @property {string[]} inputs roles
 * @property {string[]} targets roles
 * @property {number} size pixels, side of the patches it was trained on
 * @property {Object<string, string[]>} conditions the values of its condition, by key
 * @property {string[]} styles names of the scenes whose style it can take; none for a model without styles
 * @property {string} origin of its training data
 */

/** @returns {Promise<Model[]>} */
export async function fetchModels() {
  return (await askJson("/api/models")).models;
}

/** @returns {Promise<{name: string, url: string}[]>} masks to start from */
export async function fetchGallery() {
  return (await askJson("/api/gallery")).masks;
}

/** @param {string} url of a mask in the gallery @returns {Promise<Blob>} */
export async function fetchMask(url) {
  return (await ask(url)).blob();
}

/** @param {Blob} file a mask as TIFF or GeoTIFF @returns {Promise<Blob>} the same as PNG, in the zones' greys */
export async function readTiff(file) {
  return (await ask("/api/mask", { method: "POST", headers: { "Content-Type": "image/tiff" }, body: file })).blob();
}

/** @returns {Promise<boolean>} true if the server responds */
export async function isHealthy() {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/**
 * Lets a model paint one image.
 * @param {string} model name
 * @param {number} version epoch
 * @param {Uint8Array} mask an 8-bit grey PNG
 * @param {number} seed 0 to 2^31 - 1; the same seed gives the same image
 * @param {string | null} condition such as "TSX,winter"; null for a model without conditions
 * @param {string | null} style such as "random"; null for a model without styles
 * @param {AbortSignal} signal
 * @returns {Promise<Uint8Array>} a PNG
 */
export async function paint(model, version, mask, seed, condition, style, signal) {
  const inputs = { image_bytes: [{ b64: toBase64(mask) }], seed: [seed] };
  if (condition !== null) inputs.condition = [condition];
  if (style !== null) inputs.style = [style];
  const path = `/v1/models/${encodeURIComponent(model)}/versions/${version}:predict`;
  const body = JSON.stringify({ signature_name: "sample", inputs });
  const headers = { "Content-Type": "application/json" };
  const answer = await askJson(path, { method: "POST", headers, body, signal });
  return fromBase64(answer.outputs[0].b64);
}

async function ask(path, options = {}) {
  const response = await reached(fetch(path, options));
  if (response.ok) return response;
  const text = await response.text();
  throw new Refused(errorIn(text) ?? `The server answered ${response.status} to ${path}.`, response.status);
}

async function askJson(path, options) {
  return reached((await ask(path, options)).json());
}

/** Turns the browser's "network error" into ours; an aborted request stays what it is. */
async function reached(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerAway("The server does not answer.");
  }
}

function errorIn(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}

function toBase64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
