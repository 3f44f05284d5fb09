/* A form is sent once: a second click, while the first answer is on its way, is a second act (a second login, a second mail). */

const FREE_AGAIN_MS = 10_000; // a download or a lost answer leaves the page standing

const sendOnce = (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, FREE_AGAIN_MS);
};

/** Watch every form of the page; one that the browser brings back from memory can be sent again. */
export const sendFormsOnce = () => {
  document.addEventListener("submit", sendOnce);
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
};
