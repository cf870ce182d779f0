// The page: what the controls do, and how drawing, server and picture go together.

import * as api from "./api.js";
import { Choices } from "./choices.js";
import { Connection } from "./connection.js";
import { showGallery } from "./gallery.js";
import { History, OCEAN, ZONES, blank, copy, equal, fitTo } from "./mask.js";
import { Painter } from "./painter.js";
import { maskPng, nameOf, zipPairs } from "./pairs.js";
import { Recent } from "./recent.js";
import { Stage } from "./stage.js";
import * as store from "./store.js";
import { NoMask, readMask } from "./upload.js";

const SIZE = 256; // pixels a side, until a model says what it takes
const MAX_SEED = 2 ** 31 - 1;
const DICE = 10000; // the dice throw a seed below this, short enough to be read out

const $ = (id) => document.getElementById(id);
const settings = {
  ...{ zone: 2, kind: "brush", size: 11, seed: 0, live: true, view: "side", choices: {} },
  ...store.loadSettings(),
};
const history = new History();
const kept = store.loadDrawing();
let shown = null; // the pair on the stage
let unpainted = false; // whether an image is owed once the server is back

// ---- The parts, each of which knows nothing of the others ----

const parts = { canvas: $("mask"), overlay: $("overlay"), preview: $("preview"), rings: [$("ring-under"), $("ring")], place: $("place") };
const stage = new Stage(parts, settings, drawn);
const choices = new Choices(
  { model: $("model"), version: $("version"), conditions: $("conditions"), origin: $("origin") },
  settings.choices,
  () => {
    keepSettings();
    fitToModel();
    repaint();
  },
);
const connection = new Connection($("banner"), () => begin(false));
const recent = new Recent($("recent"), goBackTo);
const painter = new Painter(send, {
  started: () => $("image-figure").classList.add("painting"),
  painted: showPainted,
  busy: () => say("The server is busy; it is asked again."),
  failed,
  ended: () => $("image-figure").classList.remove("painting"),
});

// ---- The drawing ----

/** The mask was changed by hand, or replaced; `before` is what it was. */
function drawn(before) {
  history.add(before);
  changed();
}

function changed() {
  if (!store.saveDrawing(stage.mask)) say("The browser cannot keep this drawing for a reload: no room is left.", true);
  $("undo").disabled = !history.canUndo;
  $("redo").disabled = !history.canRedo;
  $("brush").max = 2 * Math.floor(stage.mask.width / 4) + 1; // odd, about half the side
  $("mask-facts").textContent = `${stage.mask.width} × ${stage.mask.height} pixels`;
  markStale();
  if (settings.live) painter.soon();
}

function replaceMask(mask, what) {
  const before = stage.mask;
  const fitted = fitTo(mask, choices.model?.size ?? mask.width);
  stage.show(copy(fitted));
  drawn(before);
  const scaled = fitted !== mask;
  const square = mask.width === mask.height ? "" : ", its middle square";
  say(scaled ? `${what}: ${mask.width} × ${mask.height} pixels${square}, scaled to ${fitted.width} × ${fitted.height}.` : `${what}.`);
}

/** A model of another size takes the drawing scaled; undo gives back the old one. */
function fitToModel() {
  const size = choices.model?.size;
  const before = stage.mask;
  if (!size || fitTo(before, size) === before) return;
  stage.show(fitTo(before, size));
  drawn(before);
  say(`The drawing was scaled from ${before.width} to ${size} pixels a side, which this model takes.`);
}

function travel(direction) {
  stage.show(history[direction](stage.mask));
  changed();
  say(direction === "undo" ? "Undone." : "Done again.");
}

async function upload(file) {
  try {
    const { mask, snapped } = await readMask(file, file.name);
    replaceMask(mask, snapped ? `${file.name}, with ${snapped} pixels taken as the nearest zone` : file.name);
  } catch (error) {
    if (!(error instanceof NoMask)) throw error;
    say(error.message, true);
  }
}

// ---- The image ----

/** Asks for the image of what is drawn and chosen now. */
async function send(signal) {
  const { model, version, condition } = choices;
  if (!model) throw new Error("There is no model here that paints SAR from zones.");
  const facts = { model: model.name, run: model.run, origin: model.origin, version, condition };
  const pair = { mask: copy(stage.mask), seed: settings.seed, ...facts };
  const start = performance.now();
  pair.png = await api.paint(model.name, version, await maskPng(pair), pair.seed, condition, signal);
  return { pair, seconds: (performance.now() - start) / 1000 };
}

function showPainted({ pair, seconds }, asked) {
  recent.add(pair, asked);
  show(pair);
  say(`Painted in ${seconds.toFixed(1)} s.`);
}

function show(pair) {
  shown = pair;
  recent.mark(pair);
  $("image").src = recent.urlOf(pair);
  $("image").hidden = false;
  $("image").alt = `Radar image painted from the mask: ${pair.model}, epoch ${pair.version}, seed ${pair.seed}`;
  $("save").disabled = $("save-all").disabled = false;
  markStale();
}

/** Says whether the image is of the mask beside it. */
function markStale() {
  const stale = shown !== null && !equal(shown.mask, stage.mask);
  $("image-figure").classList.toggle("stale", stale);
  $("save").disabled = shown === null || stale;
  if (shown) {
    $("image-facts").textContent = stale ? "of an earlier mask" : `${shown.model}, epoch ${shown.version}, seed ${shown.seed}`;
  }
}

function failed(error) {
  if (error instanceof api.ServerAway) {
    unpainted = true;
    say("");
    connection.lost();
  } else {
    say(error.message, true);
    if (error.status === 404) loadModels(); // a version that is gone is chosen no more
  }
}

function repaint() {
  if (settings.live) painter.now();
  else if (shown) $("image-facts").textContent = "of other settings";
}

function goBackTo(pair) {
  painter.stop();
  settings.seed = pair.seed;
  showSettings();
  if (!equal(pair.mask, stage.mask)) {
    const before = stage.mask;
    stage.show(copy(pair.mask));
    drawn(before);
    painter.stop(); // its image is there
  }
  show(pair);
  keepSettings();
}

async function save(pairs, name) {
  const zip = new Blob([await zipPairs(pairs, new Date())], { type: "application/zip" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(zip);
  link.download = `${name}.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // the download has read it by then
  say(`${link.download}: ${pairs.length === 1 ? "a labelled pair" : `${pairs.length} labelled pairs`}.`);
}

// ---- Settings ----

function showSettings() {
  for (const radio of document.querySelectorAll('input[name="zone"]')) radio.checked = Number(radio.value) === settings.zone;
  for (const radio of document.querySelectorAll('input[name="tool"]')) radio.checked = radio.value === settings.kind;
  for (const radio of document.querySelectorAll('input[name="view"]')) radio.checked = radio.value === settings.view;
  $("brush").value = settings.size;
  $("brush-size").textContent = `${settings.size} px`;
  $("seed").value = settings.seed;
  $("live").checked = settings.live;
  $("panes").classList.toggle("over", settings.view === "over");
  stage.refresh();
}

function keepSettings() {
  store.saveSettings({ ...settings, choices: choices.wanted });
}

function set(change) {
  Object.assign(settings, change);
  showSettings();
  keepSettings();
}

function setSeed(seed) {
  const whole = Math.min(MAX_SEED, Math.max(0, Math.round(Number(seed)) || 0));
  set({ seed: whole });
  repaint();
}

function setBrush(size) {
  set({ size: Math.min(Number($("brush").max), Math.max(1, size)) });
}

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

// ---- Events ----

const COMMANDS = {
  b: () => set({ kind: "brush" }),
  l: () => set({ kind: "line" }),
  f: () => set({ kind: "fill" }),
  "[": () => setBrush(settings.size - 2),
  "]": () => setBrush(settings.size + 2),
  p: () => painter.now(),
  r: () => $("dice").click(),
};

function keyDown(event) {
  const key = event.key.toLowerCase();
  const writes = event.target.matches('select, input[type="number"]');
  if ((event.ctrlKey || event.metaKey) && !event.altKey && (key === "z" || key === "y")) {
    if (writes) return; // undo of what is written there
    event.preventDefault();
    travel(key === "y" || event.shiftKey ? "redo" : "undo");
  } else if (!event.ctrlKey && !event.metaKey && !writes) {
    if (ZONES[Number(key) - 1]) set({ zone: Number(key) - 1 });
    COMMANDS[key]?.();
  }
}

function listen() {
  const on = (id, name, handler) => $(id).addEventListener(name, handler);
  on("zones", "change", (event) => set({ zone: Number(event.target.value) }));
  on("tools", "change", (event) => set({ kind: event.target.value }));
  on("view", "change", (event) => set({ view: event.target.value }));
  on("brush", "input", (event) => setBrush(Number(event.target.value)));
  on("undo", "click", () => travel("undo"));
  on("redo", "click", () => travel("redo"));
  on("seed", "change", (event) => setSeed(event.target.value));
  on("dice", "click", () => setSeed(Math.floor(Math.random() * DICE)));
  on("live", "change", (event) => {
    set({ live: event.target.checked });
    if (settings.live) painter.now();
  });
  on("paint", "click", () => painter.now());
  on("split", "input", (event) => $("panes").style.setProperty("--split", `${event.target.value}%`));
  on("blank", "click", () => replaceMask(blank(stage.mask.width, stage.mask.height, OCEAN), "All ocean"));
  on("upload", "click", () => $("file").click());
  on("file", "change", async (event) => {
    if (event.target.files.length) await upload(event.target.files[0]);
    event.target.value = ""; // the same file can be chosen again
  });
  on("save", "click", () => save([shown], nameOf(shown)));
  on("save-all", "click", () => save(recent.pairs, `painted-${recent.pairs.length}-pairs`));
  document.addEventListener("keydown", keyDown);
  listenToDrops();
}

/** A file may be dropped anywhere on the page; beside it, the browser would open the file in our place. */
function listenToDrops() {
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    $("drop").classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? $("drop").classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    $("drop").classList.remove("dropping");
    upload(event.dataTransfer.files[0]);
  });
}

function makeZones() {
  for (const [index, { name, hint, colour }] of ZONES.entries()) {
    const label = document.createElement("label");
    label.innerHTML = `<input type="radio" name="zone" value="${index}">
      <span class="zone"><span class="swatch"></span><span>${name}<small>${hint}</small></span><kbd>${index + 1}</kbd></span>`;
    label.querySelector(".swatch").style.backgroundColor = `rgb(${colour.join(" ")})`;
    $("zones").append(label);
  }
}

// ---- The beginning, and each time the server has come back ----

async function loadModels() {
  choices.offer(await api.fetchModels());
  fitToModel();
}

async function begin(first) {
  try {
    await loadModels();
    if (unpainted || (first && kept && settings.live)) painter.now(false);
    unpainted = false;
    const mask = await showGallery($("gallery"), replaceMask);
    if (first && mask && !kept && !history.canUndo) {
      stage.show(copy(fitTo(mask, choices.model?.size ?? mask.width)));
      changed();
    }
  } catch (error) {
    failed(error);
  }
}

makeZones();
stage.show(kept ?? blank(SIZE, SIZE, OCEAN));
listen();
showSettings();
changed();
begin(true);
