/* What a person typed into a form with data-keep survives the end of the session: it is put into sessionStorage (this
   tab alone, gone with it) when the session runs out or the form is sent, given back once on the same page after the
   same person has signed in, and deleted by any other page they open, and by Sign Out. Never passwords, never codes. */

const PREFIX = "gatehouse:draft:";
const KEPT_TYPES = new Set(["text", "email", "date", "search", "number", "checkbox", "radio", "textarea", "select-one"]);

const user = () => document.body.dataset.user ?? "";
const keyOf = (form) => `${PREFIX}${user()}:${location.pathname}:${form.dataset.keep}`;
const keptForms = () => [...document.querySelectorAll("form[data-keep]")];
const isSwitch = (control) => control.type === "checkbox" || control.type === "radio";

const isKept = (control) =>
  control.name && KEPT_TYPES.has(control.type) && !/password|one-time-code/.test(control.autocomplete ?? "");

const keptControls = (form) => [...form.elements].filter(isKept);
const stateOf = (control) => ({ name: control.name, value: control.value, on: isSwitch(control) ? control.checked : null });

const isChanged = (control) => {
  if (isSwitch(control)) return control.checked !== control.defaultChecked;
  if (control.options) return [...control.options].some((option) => option.selected !== option.defaultSelected);
  return control.value !== control.defaultValue;
};

const save = (form) => sessionStorage.setItem(keyOf(form), JSON.stringify(keptControls(form).map(stateOf)));

const giveBackTo = (control, states) => {
  const state = states.find((each) => each.name === control.name && (!isSwitch(control) || each.value === control.value));
  if (!state) return;
  if (isSwitch(control)) control.checked = state.on;
  else control.value = state.value;
};

const restore = (form) => {
  const text = sessionStorage.getItem(keyOf(form));
  // A form that comes back with the server's remarks already holds what was typed.
  if (text === null || "bound" in form.dataset) return;
  const states = JSON.parse(text);
  keptControls(form).forEach((control) => giveBackTo(control, states));
  const note = form.querySelector("[data-keep-note]");
  if (note) note.hidden = false;
};

/** Delete every draft of this tab. */
export const forgetDrafts = () =>
  Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX)).forEach((key) => sessionStorage.removeItem(key));

/** Save what was typed on this page and not sent yet: called when the session runs out. */
export const saveDrafts = () =>
  keptForms().filter((form) => keptControls(form).some(isChanged)).forEach(save);

/** Give back what belongs here, delete the rest, and watch the forms of this page. */
export const keepDrafts = () => {
  if (!user()) return;
  keptForms().forEach(restore);
  forgetDrafts();
  keptForms().forEach((form) => form.addEventListener("submit", () => save(form)));
};
