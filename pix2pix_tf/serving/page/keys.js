// Keys that work on the whole page, except in fields for text and choices.

const WRITTEN = 'select, input[type="number"]';

/**
 * @param {Object<string, () => void>} commands by key, in lower case; "ctrl+z", "ctrl+y" and "ctrl+shift+z" as well
 *   (Ctrl is Command on a Mac)
 */
export function listenToKeys(commands) {
  document.addEventListener("keydown", (event) => {
    if (event.target.matches(WRITTEN) || event.altKey) return; // Ctrl+Z there undoes what was written
    const key = event.key.toLowerCase();
    const held = event.ctrlKey || event.metaKey ? `ctrl+${event.shiftKey ? "shift+" : ""}` : "";
    const command = commands[held + key];
    if (!command) return;
    event.preventDefault();
    command();
  });
}
