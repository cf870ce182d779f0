// Files that come in, by button or by drag and drop, and files that go out.

const READ_AFTER = 60000; // milliseconds; a download has been read by then

const $ = (id) => document.getElementById(id);

/** @param {(file: File) => void} take called with each file that the user gives */
export function listenToFiles(take) {
  $("upload").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", ({ target }) => {
    if (target.files.length) take(target.files[0]);
    target.value = ""; // the same file can be chosen again
  });
  // A file may be dropped anywhere: beside the mask, the browser would open it in place of this page.
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (on) => $("drop").classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
  document.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    mark(false);
    take(event.dataTransfer.files[0]);
  });
}

/**
 * @param {Uint8Array} data
 * @param {string} name of the file
 * @param {string} type such as "application/zip"
 */
export function download(data, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_AFTER);
}
