/* The end of a session by inactivity, as the person sees it. The server alone counts and decides; this clock only knows
   when to warn, when to hide the page, and when to ask. GET of data-idle-url never counts as activity, POST do=stay does.
   All tabs share one deadline through a BroadcastChannel; nothing about a person is stored anywhere. */

import { forgetDrafts, saveDrafts } from "./drafts.js";
import { SESSION_OVER } from "./poll.js";

const WARN_MS = 60_000;
const SHORT_LIMIT_MS = 120_000; // below it the warning comes at half of the limit
const TOUCH_MS = 60_000;
const TICK_MS = 1000;
const ANSWER_MS = 10_000;
const RETRY_MS = 3000;
const ROUNDING_MS = 500; // the server tells whole seconds: "0 left" and still signed in means: ask again soon
const SIGN_OUT_MS = 300;
const SIGN_OUT_TRIES = 20;
const ANNOUNCED_SECONDS = [60, 30, 10];
const ACTIVITY = ["keydown", "pointerdown", "scroll", "input"];
const HIDDEN_CLASS = "is-over";

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** When this page was sent, by the wall clock: the seconds that the page carries count from there. */
const pageMoment = () => {
  const [entry] = performance.getEntriesByType("navigation");
  return entry ? Math.min(Date.now(), performance.timeOrigin + entry.responseStart) : Date.now();
};

class IdleClock {
  constructor(body, dialog) {
    this.url = body.dataset.idleUrl;
    this.loginUrl = body.dataset.loginUrl;
    this.limitMs = Number(body.dataset.idleLimit) * 1000;
    this.deadline = pageMoment() + Number(body.dataset.idleLeft) * 1000;
    this.dialog = dialog;
    this.title = dialog.querySelector("[data-idle-title]");
    this.bar = dialog.querySelector("progress");
    this.spoken = dialog.querySelector("[data-idle-spoken]");
    this.trouble = dialog.querySelector("[data-idle-trouble]");
    this.csrf = dialog.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
    this.channel = new BroadcastChannel("gatehouse-session");
    this.sentAt = 0;
    this.asking = false;
    this.gone = false;
    this.noMore = false; // the session is at its full length: staying does not move the deadline any more
  }

  start() {
    this.channel.addEventListener("message", (event) => this.hear(event.data));
    ACTIVITY.forEach((name) => addEventListener(name, (event) => this.notice(event), { capture: true, passive: true }));
    ["focus", "online"].forEach((name) => addEventListener(name, () => this.tick()));
    document.addEventListener("visibilitychange", () => this.tick());
    document.addEventListener(SESSION_OVER, () => this.check());
    document.addEventListener("submit", (event) => this.submitted(event));
    addEventListener("pagehide", (event) => { if (event.persisted) this.hide(); });
    addEventListener("pageshow", (event) => { if (event.persisted) this.cameBack(); });
    this.dialog.addEventListener("cancel", (event) => event.preventDefault());
    this.dialog.addEventListener("close", () => this.tick());
    // Each tick looks at the wall clock, so a closed laptop is noticed at its first tick after waking.
    setInterval(() => this.tick(), Math.min(TICK_MS, this.limitMs / 20));
    this.tell();
    this.tick();
  }

  get warnMs() {
    return this.limitMs < SHORT_LIMIT_MS ? this.limitMs / 2 : WARN_MS;
  }

  tick() {
    if (this.gone || this.asking) return;
    const left = this.deadline - Date.now();
    if (left <= 0) {
      this.check();
      return;
    }
    if (left <= this.warnMs && !this.noMore) this.warn(left);
    else this.calm();
  }

  warn(left) {
    const seconds = Math.ceil(left / 1000);
    if (!this.dialog.open) {
      this.bar.max = Math.max(seconds, 1);
      this.trouble.hidden = true;
      this.spokenAt = seconds;
      this.dialog.showModal();
    }
    this.title.textContent = `You will be signed out in ${seconds} s`;
    this.bar.value = seconds;
    const mark = ANNOUNCED_SECONDS.find((each) => each >= seconds && each < this.spokenAt);
    if (mark) this.spoken.textContent = `${seconds} seconds left`;
    this.spokenAt = Math.min(this.spokenAt, seconds);
  }

  calm() {
    if (this.dialog.open) this.dialog.close();
    this.spoken.textContent = "";
  }

  /** The browser kept the page for the way back: nothing private shows before the server has said yes. */
  cameBack() {
    this.gone = false;
    this.hide();
    this.check();
  }

  hide() {
    document.documentElement.classList.add(HIDDEN_CLASS);
  }

  show() {
    document.documentElement.classList.remove(HIDDEN_CLASS);
  }

  /** What the person does in this tab. While the warning is open only its buttons count. */
  notice(event) {
    const now = Date.now();
    if (!event.isTrusted || this.gone || this.asking || this.dialog.open || now >= this.deadline) return;
    const every = Math.min(TOUCH_MS, this.limitMs / 10);
    const touchedAt = this.deadline - this.limitMs; // as the server knows it
    if (now - Math.max(touchedAt, this.sentAt) < every) return;
    this.sentAt = now;
    this.stay();
  }

  async stay() {
    try {
      this.take(await this.ask("stay"));
      this.noMore = !this.gone && this.deadline - Date.now() <= this.warnMs;
      this.tick();
    } catch {
      this.failed(() => this.stay());
    }
  }

  /** Hide the page and ask the server whether the session still lives: another browser window may have kept it. */
  async check() {
    if (this.asking || this.gone) return;
    this.asking = true;
    this.hide();
    saveDrafts();
    try {
      const answer = await this.ask();
      if (answer.signed_in && answer.left_seconds <= 0) await pause(ROUNDING_MS);
      else this.take(answer);
    } catch {
      this.title.textContent = "You are being signed out";
      this.failed(() => {});
      await pause(RETRY_MS);
    }
    this.asking = false;
    this.tick();
  }

  /** Take the server's word: its deadline holds in every tab, or the session is over. */
  take(answer) {
    if (!answer.signed_in) {
      this.leave(answer.why ?? this.heardWhy ?? this.reason());
      return;
    }
    if (answer.username !== document.body.dataset.user) {
      location.reload(); // somebody else signed in here meanwhile: this page is not theirs to see
      return;
    }
    this.limitMs = answer.limit_seconds * 1000;
    this.deadline = Date.now() + answer.left_seconds * 1000;
    this.noMore = false;
    this.trouble.hidden = true;
    this.show();
    this.tell();
  }

  /** The word for the login page where the server, which knows better, has forgotten the session. */
  reason() {
    if (Date.now() < this.deadline) return "ended";
    return this.noMore ? "expired" : "idle";
  }

  failed(again) {
    if (!this.dialog.open && this.deadline - Date.now() > this.warnMs) return; // the next activity tries again
    this.trouble.hidden = false;
    if (!this.dialog.open) this.dialog.showModal();
    setTimeout(() => { if (this.dialog.open && !this.gone && !this.asking) again(); }, RETRY_MS);
  }

  leave(why) {
    this.gone = true;
    this.hide();
    saveDrafts();
    this.channel.postMessage({ kind: "over", why });
    const query = new URLSearchParams({ why, after: this.limitMs / 1000, next: location.pathname + location.search });
    location.replace(`${this.loginUrl}?${query}`);
  }

  tell() {
    this.channel.postMessage({ kind: "deadline", at: this.deadline, limit: this.limitMs });
  }

  hear(message) {
    if (this.gone) return;
    if (message.kind === "out") this.followSignOut();
    if (message.kind === "over") {
      this.heardWhy = message.why; // only the first tab to ask still had the cookie by which the server knows
      this.check();
    }
    if (message.kind === "deadline") {
      this.deadline = message.at;
      this.limitMs = message.limit;
      this.noMore = false;
      this.tick();
    }
  }

  submitted(event) {
    const act = event.submitter?.form === event.target ? event.submitter.value : "";
    const inDialog = this.dialog.contains(event.target);
    if (inDialog && act === "stay") {
      event.preventDefault();
      this.stay();
    } else if (inDialog || event.target.matches("[data-sign-out]")) {
      forgetDrafts();
      this.channel.postMessage({ kind: "out" });
    }
  }

  /** Another tab is signing out: leave as soon as the server has done it, so that login does not send us back in. */
  async followSignOut() {
    this.gone = true;
    forgetDrafts();
    this.hide();
    for (let tries = 0; tries < SIGN_OUT_TRIES; tries += 1) {
      const answer = await this.ask().catch(() => ({ signed_in: true }));
      if (!answer.signed_in) break;
      await pause(SIGN_OUT_MS);
    }
    location.replace(`${this.loginUrl}?why=signed-out`);
  }

  async ask(act) {
    const response = await fetch(this.url, { ...this.request(act), redirect: "manual", cache: "no-store",
      headers: { Accept: "application/json", "X-CSRFToken": this.csrf }, signal: AbortSignal.timeout(ANSWER_MS) });
    if (response.type === "opaqueredirect" || response.status === 401) return { signed_in: false };
    if (!response.ok) throw new Error(`${this.url} answered ${response.status}`);
    return response.json();
  }

  request(act) {
    return act ? { method: "POST", body: new URLSearchParams({ do: act }) } : { method: "GET" };
  }
}

/** Start the clock on a page of a signed-in person. */
export const startIdleClock = () => {
  const dialog = document.getElementById("idle");
  if (dialog && document.body.dataset.idleLimit) new IdleClock(document.body, dialog).start();
};
