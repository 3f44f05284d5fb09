/* A section that keeps itself fresh: [data-poll] names where its content comes from, [data-poll-seconds] how often.
   Asking is no activity of the person (the header says so): a forgotten tab keeps no session alive. A hidden tab does not ask.
   An answer that leads elsewhere means that the session is over: the idle clock hears of it, and leaves with the reason. */

export const SESSION_OVER = "gatehouse:session-over";

const HEADER = "X-Gatehouse-Poll";
const FAILURES_MOST = 5;

const isBusy = (section) => section.contains(document.activeElement) && document.activeElement !== document.body;

const refresh = async (section) => {
  const answer = await fetch(section.dataset.poll, { headers: { [HEADER]: "1" }, redirect: "manual", credentials: "same-origin" });
  if (answer.type === "opaqueredirect") document.dispatchEvent(new Event(SESSION_OVER));
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // Nothing is taken away from under somebody's keyboard.
  if (!isBusy(section)) section.replaceChildren(...fresh.body.childNodes);
  return true;
};

const keepOneFresh = (section) => {
  let failures = 0;
  const timer = setInterval(async () => {
    if (document.hidden) return;
    failures = (await refresh(section).catch(() => false)) ? 0 : failures + 1;
    if (failures >= FAILURES_MOST) clearInterval(timer);
  }, Number(section.dataset.pollSeconds) * 1000);
  document.addEventListener(SESSION_OVER, () => clearInterval(timer));
};

export const keepFresh = () => document.querySelectorAll("[data-poll]").forEach(keepOneFresh);
