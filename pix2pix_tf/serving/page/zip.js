// Writes zip archives without compression (PKWARE APPNOTE, method 0): PNGs do not get smaller.

import { crc32 } from "./crc32.js";

const VERSION = 20; // 2.0: folders, and no more
const UTF8 = 1 << 11; // names are UTF-8

/**
 * @param {{name: string, data: Uint8Array}[]} entries names with "/" between folders
 * @param {Date} time written as the time of each file
 * @returns {Uint8Array} the archive
 */
export function makeZip(entries, time) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, data } of entries) {
    const bytes = new TextEncoder().encode(name);
    const facts = [
      ...[short(VERSION), short(UTF8), short(0), ...stamp(time)],
      ...[long(crc32(data)), long(data.length), long(data.length), short(bytes.length), short(0)],
    ];
    parts.push(long(0x04034b50), ...facts, bytes, data);
    // In the directory: comment's length, disk, inner and outer attributes, where the file begins.
    const place = [short(0), short(0), short(0), long(0), long(offset)];
    directory.push(long(0x02014b50), short(VERSION), ...facts, ...place, bytes);
    offset += 30 + bytes.length + data.length;
  }
  const listed = join(directory);
  const count = short(entries.length);
  const end = [long(0x06054b50), short(0), short(0), count, count, long(listed.length), long(offset), short(0)];
  return join([...parts, listed, ...end]);
}

/** Time and date as DOS had them: two seconds are the least step, 1980 is the first year. */
function stamp(time) {
  const clock = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1);
  const date = ((time.getFullYear() - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate();
  return [short(clock), short(date)];
}

const short = (value) => Uint8Array.of(value & 0xff, (value >>> 8) & 0xff);
const long = (value) => Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);

function join(parts) {
  const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    made.set(part, place);
    place += part.length;
  }
  return made;
}
