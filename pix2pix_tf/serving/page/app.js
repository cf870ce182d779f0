// The page: how drawing, server and picture go together.

import * as api from "./api.js";
import { Choices } from "./choices.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { download, listenToFiles } from "./files.js";
import { showGallery } from "./gallery.js";
import { listenToKeys } from "./keys.js";
import { History, OCEAN, ZONES, blank, copy, equal, fitTo } from "./mask.js";
import { Painter } from "./painter.js";
import { maskPng, nameOf, zipPairs } from "./pairs.js";
import { Picture } from "./picture.js";
import { Recent } from "./recent.js";
import { Stage } from "./stage.js";
import * as store from "./store.js";
import { NoMask, isTiff, readMask } from "./upload.js";
import { Zoom } from "./zoom.js";

const SIZE = 256; // pixels a side, until a model is known

const $ = (id) => document.getElementById(id);

// ---- The parts, independent of each other ----

const keptDrawing = store.loadDrawing();
const keptSettings = store.loadSettings();
const history = new History();
const controls = new Controls(keptSettings, settingsChanged);
const rings = [$("ring-under"), $("ring")];
const stage = new Stage(
  { canvas: $("mask"), overlay: $("overlay"), preview: $("preview"), rings, place: $("place") },
  controls.values,
  drawn,
);
const zoom = new Zoom($("panes"), { larger: $("larger"), smaller: $("smaller"), factor: $("factor") }, () =>
  stage.abandon(),
);
const choices = new Choices(
  { model: $("model"), version: $("version"), conditions: $("conditions"), origin: $("origin") },
  keptSettings.choices,
  modelChosen,
);
const picture = new Picture();
const recent = new Recent($("recent"), goBackTo);
const connection = new Connection($("banner"), begin);
const painter = new Painter(send, {
  started: () => (picture.painting = true),
  painted: showPainted,
  busy: () => say("The server is busy; trying again."),
  failed: (error) => {
    owed ||= error instanceof api.ServerAway;
    failed(error);
  },
  ended: () => (picture.painting = false),
});
let owed = controls.values.live && keptDrawing !== null; // true: paint as soon as the server responds
let gallery = null; // the promise of its masks
let untouched = keptDrawing === null; // true: nothing has been drawn or chosen yet

// ---- The mask ----

/** The mask was changed by hand, or replaced; `before` is what it was. */
function drawn(before) {
  untouched = false;
  history.add(before);
  maskChanged();
}

function maskChanged() {
  if (!untouched && !store.saveDrawing(stage.mask)) say("The browser has no room to keep this drawing.", true);
  $("undo").disabled = !history.canUndo;
  $("redo").disabled = !history.canRedo;
  $("mask-facts").textContent = `${stage.mask.width} × ${stage.mask.height} pixels`;
  controls.limitBrush(stage.mask.width);
  picture.compare(stage.mask);
  if (controls.values.live) painter.soon();
}

function replaceMask(mask, name) {
  const before = stage.mask;
  const size = choices.model?.size ?? mask.width;
  stage.show(copy(fitTo(mask, size)));
  drawn(before);
  const cut = mask.width === mask.height ? "" : ", its middle square";
  const fits = mask.width === size && mask.height === size;
  say(fits ? `${name}.` : `${name}: ${mask.width} × ${mask.height} pixels${cut}, scaled to ${size} × ${size}.`);
}

/** Nobody should have to begin with an empty page. */
function firstMask(mask) {
  if (!untouched) return;
  untouched = false;
  stage.show(copy(fitTo(mask, choices.model?.size ?? mask.width)));
  maskChanged();
}

/** A model of another size gets the drawing scaled; undo gives back the old one. */
function fitToModel() {
  const before = stage.mask;
  const fitted = fitTo(before, choices.model?.size ?? before.width);
  if (fitted === before) return;
  stage.show(fitted);
  if (untouched) return;
  drawn(before);
  say(`The drawing was scaled from ${before.width} to ${fitted.width} pixels a side, which this model takes.`);
}

function undo() {
  stage.show(history.undo(stage.mask));
  maskChanged();
}

function redo() {
  stage.show(history.redo(stage.mask));
  maskChanged();
}

async function upload(file) {
  try {
    const png = (await isTiff(file)) ? await api.readTiff(file) : file; // no browser reads TIFF; the server does
    const { mask, snapped } = await readMask(png, file.name);
    replaceMask(mask, snapped ? `${file.name}, with ${snapped} pixels taken as the nearest zone` : file.name);
  } catch (error) {
    if (error instanceof api.ServerAway) failed(error);
    else if (error instanceof api.Refused) say(`${file.name}: ${error.message}`, true);
    else if (error instanceof NoMask) say(error.message, true);
    else throw error;
  }
}

// ---- The image ----

/** Requests the image of the present drawing and choices. */
async function send(signal) {
  const { model, version, condition, style } = choices;
  if (!model) throw new Error("There is no model here that paints SAR from zones.");
  const facts = { model: model.name, run: model.run, origin: model.origin, version, condition, style };
  const pair = { mask: fitTo(copy(stage.mask), model.size), seed: controls.values.seed, ...facts };
  const start = performance.now();
  const png = await api.paint(model.name, version, await maskPng(pair), pair.seed, condition, style, signal);
  return { pair: { ...pair, png }, seconds: (performance.now() - start) / 1000 };
}

function showPainted({ pair, seconds }, asked) {
  recent.add(pair, asked);
  show(pair);
  say(`Painted in ${seconds.toFixed(2)} s.`);
}

function show(pair) {
  recent.mark(pair);
  picture.show(pair, recent.urlOf(pair), stage.mask);
}

/** @param {import("./pairs.js").Pair} pair of which mask, seed and image come back */
function goBackTo(pair) {
  if (!equal(pair.mask, stage.mask)) {
    const before = stage.mask;
    stage.show(copy(pair.mask));
    drawn(before);
  }
  controls.set({ seed: pair.seed });
  painter.stop(); // its image exists already
  show(pair);
}

function failed(error) {
  if (error instanceof api.ServerAway) {
    say("");
    connection.lost();
  } else {
    say(error.message, true);
    if (error.status === 404) takeNewer().catch(failed);
  }
}

async function save(pairs, name) {
  download(await zipPairs(pairs, new Date()), `${name}.zip`, "application/zip");
  say(`${name}.zip: ${pairs.length === 1 ? "the mask and its image" : `${pairs.length} masks and their images`}.`);
}

// ---- Settings ----

function settingsChanged(names) {
  keepSettings();
  stage.refresh();
  if (controls.values.live && (names.includes("seed") || names.includes("live"))) painter.now();
}

function modelChosen() {
  keepSettings();
  fitToModel();
  if (controls.values.live) painter.now();
}

function keepSettings() {
  store.saveSettings({ ...controls.values, choices: choices.chosen });
}

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

// ---- The beginning, and once more each time the server has come back ----

async function loadModels() {
  choices.offer(await api.fetchModels());
  fitToModel();
}

async function begin() {
  try {
    await loadModels();
    if (owed) painter.now(false);
    owed = false;
    gallery ??= showGallery($("gallery"), replaceMask, firstMask).catch((error) => {
      gallery = null; // loaded again when the server is back
      failed(error);
    });
  } catch (error) {
    failed(error);
  }
}

/** The chosen epoch may be gone, because the server has a newer one. */
async function takeNewer() {
  const gone = choices.version;
  await loadModels();
  if (choices.version !== gone) painter.now(false);
}

function listen() {
  $("undo").addEventListener("click", undo);
  $("redo").addEventListener("click", redo);
  $("paint").addEventListener("click", () => painter.now());
  $("blank").addEventListener("click", () => {
    replaceMask(blank(stage.mask.width, stage.mask.height, OCEAN), "All ocean");
  });
  $("save").addEventListener("click", () => save([picture.pair], nameOf(picture.pair)));
  $("save-all").addEventListener("click", () => save(recent.pairs, `painted-${recent.pairs.length}-pairs`));
  window.addEventListener("focus", () => loadModels().catch(failed)); // new epochs come while a training runs
  listenToFiles(upload);
  listenToKeys({
    ...Object.fromEntries(ZONES.map((_, zone) => [zone + 1, () => controls.set({ zone })])),
    b: () => controls.set({ kind: "brush" }),
    l: () => controls.set({ kind: "line" }),
    f: () => controls.set({ kind: "fill" }),
    "[": () => controls.setBrush(controls.values.size - 2),
    "]": () => controls.setBrush(controls.values.size + 2),
    p: () => painter.now(),
    r: () => controls.throwDice(),
    "+": () => zoom.zoom(2),
    "-": () => zoom.zoom(0.5),
    "ctrl+z": undo,
    "ctrl+y": redo,
    "ctrl+shift+z": redo,
  });
}

stage.show(keptDrawing ?? blank(SIZE, SIZE, OCEAN));
listen();
maskChanged();
painter.stop(); // begin() paints once the models are loaded
begin();
