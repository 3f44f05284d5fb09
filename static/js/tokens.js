/* The list of tokens: the bar above it shows only while something is selected and names it; one box selects all.
   Without this module the bar always stands there and plain checkboxes do the same. */

const NAMED = 3;

const sentence = (chosen) => {
  const names = chosen.slice(0, NAMED).map((box) => box.dataset.label);
  const rest = chosen.length - names.length;
  return ` · ${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
};

const upgradeForm = (form) => {
  const bar = form.querySelector("[data-select-bar]");
  const count = document.createElement("b");
  const names = document.createElement("span");
  const all = form.querySelector("[data-select-all]");
  const one = form.querySelector("[data-select-one]");
  const boxes = [...form.querySelectorAll("input[type=checkbox][name=token]")];

  const paint = () => {
    const chosen = boxes.filter((box) => box.checked);
    bar.hidden = chosen.length === 0;
    count.textContent = `${chosen.length} selected`;
    names.textContent = sentence(chosen);
    one.disabled = chosen.length !== 1;
    all.checked = chosen.length > 0 && chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  };

  bar.querySelector("[data-select-status]").replaceChildren(count, names);
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    boxes.forEach((box) => { box.checked = all.checked; });
    paint();
  });
  form.addEventListener("change", paint);
  addEventListener("pageshow", paint); // after a way back the browser has restored the boxes
  paint();
};

/** Upgrade the list of tokens, if this page has one. */
export const upgradeTokenSelection = () => document.querySelectorAll("form[data-select]").forEach(upgradeForm);
