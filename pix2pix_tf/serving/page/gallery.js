// Masks to start from: thumbnails of the server's gallery.

import { ZONES, colours } from "./mask.js";
import { fetchGallery, fetchMask } from "./api.js";
import { readMask } from "./upload.js";

const AGAIN = 2000; // milliseconds; a server that has just started may still simulate its masks
const TRIES = 30;

/**
 * Shows the gallery, and reloads it until it no longer grows.
 * @param {HTMLElement} list where the thumbnails go
 * @param {(mask: import("./mask.js").Mask, name: string) => void} chosen called when the user clicks on one
 * @param {(mask: import("./mask.js").Mask) => void} first called with the first mask, as soon as it is there
 * @throws {import("./api.js").ServerAway}
 */
export async function showGallery(list, chosen, first) {
  let masks = await fetchGallery();
  let seen = 0;
  list.replaceChildren();
  for (let tries = 0; tries < TRIES && (!seen || masks.length > seen); tries++) {
    for (const { name, url } of masks.slice(seen)) {
      const mask = await read(name, url);
      if (!mask) continue;
      if (!list.children.length) first(mask);
      list.append(thumb(name, mask, chosen));
    }
    seen = masks.length;
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    masks = await fetchGallery();
  }
}

async function read(name, url) {
  try {
    return (await readMask(await fetchMask(url), name)).mask;
  } catch (error) {
    console.warn(`gallery: ${error.message}`); // the others are as good without it
    return null;
  }
}

function thumb(name, mask, chosen) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [mask.width, mask.height];
  canvas.getContext("2d").putImageData(new ImageData(colours(mask), mask.width), 0, 0);
  const button = document.createElement("button");
  button.type = "button";
  button.title = `${name}: ${zonesIn(mask)}`;
  button.setAttribute("aria-label", `Start from ${button.title}`);
  button.append(canvas);
  button.addEventListener("click", () => chosen(mask, name));
  return button;
}

/** Such as "rock, glacier, ocean". */
function zonesIn(mask) {
  const there = new Set(mask.cells);
  const names = ZONES.filter((_, zone) => there.has(zone)).map(({ name }) => name);
  return names.join(", ");
}
