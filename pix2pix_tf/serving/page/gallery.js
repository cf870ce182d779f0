// Masks to begin with: thumbnails of the server's gallery.

import { ZONES, colours } from "./mask.js";
import { fetchGallery, fetchMask } from "./api.js";
import { readMask } from "./upload.js";

const AGAIN = 2000; // milliseconds; a server that has just begun may still be making its masks
const TRIES = 30;

/**
 * Shows the gallery.
 * @param {HTMLElement} list where the thumbnails go
 * @param {(mask: import("./mask.js").Mask, name: string) => void} chosen called when the user clicks on one
 * @returns {Promise<import("./mask.js").Mask | null>} the first mask; null where there is none
 * @throws {import("./api.js").ServerAway}
 */
export async function showGallery(list, chosen) {
  let masks = await fetchGallery();
  for (let tries = 1; !masks.length && tries < TRIES; tries++) {
    list.replaceChildren(note("The masks are being made …"));
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    masks = await fetchGallery();
  }
  const read = [];
  for (const { name, url } of masks) {
    try {
      read.push({ name, mask: (await readMask(await fetchMask(url), name)).mask });
    } catch (error) {
      console.warn(`gallery: ${error.message}`); // the others are as good without it
    }
  }
  list.replaceChildren(...(read.length ? read.map(({ name, mask }) => thumb(name, mask, chosen)) : [note("No masks here.")]));
  return read[0]?.mask ?? null;
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
  return ZONES.filter((_, zone) => there.has(zone)).map(({ name }) => name).join(", ");
}

function note(text) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  return paragraph;
}
