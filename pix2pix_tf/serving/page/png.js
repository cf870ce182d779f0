// Writes 8-bit greyscale PNGs (W3C PNG, third edition), and reads what the header of any PNG says.
//
// canvas.toBlob gives RGBA, which the models refuse: a mask is one channel of class values and nothing else.

import { crc32 } from "./crc32.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/**
 * @param {number} width pixels
 * @param {number} height pixels
 * @param {Uint8Array} values [height * width] row by row
 * @returns {Promise<Uint8Array>} a PNG file of colour type 0
 */
export async function encodeGrey(width, height, values) {
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) rows.set(values.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = new Uint8Array(13); // width, height, depth 8, colour type 0, and three zeros: the usual methods
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = 8;
  const zlib = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(zlib).arrayBuffer());
  const chunks = [chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", new Uint8Array())];
  return new Uint8Array(await new Blob([Uint8Array.from(SIGNATURE), ...chunks]).arrayBuffer());
}

/**
 * @param {Uint8Array} file
 * @returns {{width: number, height: number, bits: number} | null} sides in pixels, bits of a channel; null for no PNG
 */
export function readHeader(file) {
  if (file.length < 26 || SIGNATURE.some((byte, i) => file[i] !== byte)) return null;
  const view = new DataView(file.buffer, file.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20), bits: file[24] };
}

/** Length, name, data, and the checksum of the last two. */
function chunk(name, data) {
  const made = new Uint8Array(data.length + 12);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  made.set(new TextEncoder().encode(name), 4);
  made.set(data, 8);
  view.setUint32(data.length + 8, crc32(made.subarray(4, data.length + 8)));
  return made;
}
