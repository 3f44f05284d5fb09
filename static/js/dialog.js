/* The server renders <dialog open data-modal> over an inert page, so it works without JavaScript and looks the same.
   Here it becomes a real modal: the focus stays inside, on the element with autofocus, else on the first field, and Esc
   follows the link that data-close names. A dialog without data-close cannot be left by accident (the text of a new
   token is shown once). */

const leave = (dialog) => {
  if (dialog.dataset.close) location.assign(dialog.dataset.close);
};

const upgradeDialog = (dialog) => {
  dialog.removeAttribute("open");
  dialog.showModal();
  if (!dialog.querySelector("[autofocus]")) dialog.querySelector(".input, .box, .select")?.focus();
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave(dialog);
  });
  // A browser lets the second Esc in a row close a dialog whatever the page says.
  dialog.addEventListener("close", () => {
    dialog.showModal();
    leave(dialog);
  });
};

/** Upgrade the dialog that the server opened, if it opened one. */
export const upgradeDialogs = () => document.querySelectorAll("dialog[open][data-modal]").forEach(upgradeDialog);
