/* A button with data-print opens the browser's own dialog. It comes hidden: without this module the page says how to print. */

/** Show and wire every print button of the page. */
export const upgradePrintButtons = () =>
  document.querySelectorAll("button[data-print]").forEach((button) => {
    button.addEventListener("click", () => print());
    button.hidden = false;
  });
