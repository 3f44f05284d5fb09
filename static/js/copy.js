/* A button with data-copy="id of an element" copies that element's text. It comes hidden: without this module the text
   is one click to select. */

const SAID_FOR_MS = 4000;

const selectText = (element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
};

const copyText = async (element) => {
  try {
    await navigator.clipboard.writeText(element.textContent.trim());
    return true;
  } catch {
    // No permission, or plain http on another host: select it, so that one key press copies it.
    selectText(element);
    return false;
  }
};

const upgradeButton = (button) => {
  const source = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-copy-word]");
  const status = document.getElementById(button.dataset.copyStatus);
  const usual = word.textContent;
  let timer = 0;
  button.addEventListener("click", async () => {
    const copied = await copyText(source);
    word.textContent = copied ? "Copied" : usual;
    status.textContent = copied ? "Copied" : "Selected. Press Ctrl+C or ⌘C to copy it.";
    clearTimeout(timer);
    timer = setTimeout(() => {
      word.textContent = usual;
      status.textContent = "";
    }, SAID_FOR_MS);
  });
  button.hidden = false;
};

/** Show and wire every copy button of the page. */
export const upgradeCopyButtons = () => document.querySelectorAll("button[data-copy]").forEach(upgradeButton);
