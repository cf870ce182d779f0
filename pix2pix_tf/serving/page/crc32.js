// The checksum of PNG chunks and zip entries (CRC-32, ISO 3309; polynomial 0xEDB88320, lowest bit first).

const TABLE = new Uint32Array(256).map((_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** @param {Uint8Array} data @returns {number} 0 to 2^32 - 1; 0xCBF43926 for the text "123456789" */
export function crc32(data) {
  let rest = 0xffffffff;
  for (const byte of data) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}
