/* The policies of an organization: while somebody types, the server says whom that would hit, so that one click saves.
   Without this module the first click shows it and the second saves. */

const WAIT_MS = 300;

const take = (form, fresh) => {
  const page = fresh.querySelector("form[data-policies]");
  if (!page) return false;
  form.querySelectorAll("[data-hit]").forEach((hit) => {
    const other = page.querySelector(`[data-hit="${hit.dataset.hit}"]`);
    hit.replaceChildren(...other.childNodes);
    hit.hidden = other.hidden;
  });
  form.querySelector("[data-policy-changes]").replaceChildren(...page.querySelector("[data-policy-changes]").childNodes);
  form.elements.reviewed.value = page.elements.reviewed.value;
  return true;
};

const upgradeForm = (form) => {
  let timer = 0;
  let asked = null;

  const preview = async () => {
    asked?.abort();
    asked = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("preview", "1");
    const answer = await fetch(form.action, { method: "POST", body, signal: asked.signal, credentials: "same-origin", redirect: "manual" });
    // What is refused is said beside its field when it is sent; no number of before stands here meanwhile.
    if (answer.status === 422) form.querySelector("[data-policy-changes]").textContent = "One of the values cannot be saved";
    if (answer.status === 429) form.querySelector("[data-policy-changes]").textContent = "Asked too often: what this changes is said in a minute";
    if (answer.ok) take(form, new DOMParser().parseFromString(await answer.text(), "text/html"));
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    form.elements.reviewed.value = ""; // until the answer is there, what stands in the form was not shown
    timer = setTimeout(() => preview().catch(() => {}), WAIT_MS);
  });
};

/** Upgrade the form of policies, if this page has one. */
export const upgradePolicies = () => document.querySelectorAll("form[data-policies]").forEach(upgradeForm);
