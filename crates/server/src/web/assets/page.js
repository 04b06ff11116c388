// What every page does besides what it does without scripts: times in the reader's zone, progress without reloading, and no form
// sent twice.
"use strict";

// Pages call what is here by its name.
globalThis.milepost = {};

{
  const zoned = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });

  function showTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      time.textContent = zoned.format(new Date(time.dateTime));
    }
  }

  // A page whose `main` has `data-live` is looked at again every `data-every` milliseconds, as long as it says so. Its parts, elements
  // with `data-part`, are replaced where what was served for them has changed; not while somebody is at work in one.
  const main = document.querySelector("main[data-live]");
  const SLOWEST_MS = 30_000;
  const served = new Map();

  function partsOf(root) {
    return [...root.querySelectorAll("[data-part]")];
  }

  function isInUse(part) {
    const at = document.activeElement;
    const isTyping = part.contains(at) && (at.matches("textarea, select") || (at.matches("input") && at.type !== "hidden"));
    const isFilled = [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
    return isTyping || isFilled || part.querySelector("details.action[open], form[data-sending]") !== null;
  }

  // What a part says: not by which key its forms are sent once, which is another one each time.
  function told(part) {
    return part.innerHTML.replace(/name="once" value="[^"]*"/g, "");
  }

  function replace(part, fresh) {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...part.querySelectorAll("details[open] > summary[id]")].map((summary) => summary.id);
    part.replaceChildren(...fresh.childNodes);
    showTimes(part);
    for (const id of open) {
      document.getElementById(id)?.parentElement.setAttribute("open", "");
    }
    if (focused !== "") {
      document.getElementById(focused)?.focus();
    }
  }

  function take(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("main[data-live]");
    if (fresh === null) {
      return;
    }
    for (const part of partsOf(fresh)) {
      const shown = main.querySelector(`[data-part="${part.dataset.part}"]`);
      const content = told(part);
      if (shown !== null && served.get(part.dataset.part) !== content && !isInUse(shown)) {
        served.set(part.dataset.part, content);
        replace(shown, part);
      }
    }
    const before = main.dataset.stage;
    main.className = fresh.className;
    main.dataset.stage = fresh.dataset.stage ?? "";
    main.dataset.every = fresh.dataset.every ?? "";
    main.dispatchEvent(new CustomEvent("milepost:live", { detail: { before, now: main.dataset.stage } }));
  }

  function isSeen() {
    if (!document.hidden) {
      return Promise.resolve();
    }
    return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }

  async function look() {
    const answer = await fetch(main.dataset.live, { cache: "no-store", signal: AbortSignal.timeout(SLOWEST_MS) });
    if (!answer.ok) {
      throw new Error(`the page answered ${answer.status}`);
    }
    take(await answer.text());
  }

  async function follow() {
    let wait = Number(main.dataset.every);
    while (wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      await isSeen();
      try {
        await look();
        wait = Number(main.dataset.every);
      } catch {
        // The gateway is away, or wants to be asked less.
        wait = Math.min(wait * 2, SLOWEST_MS);
      }
    }
  }

  if (main !== null) {
    // As the server wrote it: before its times are shown in another zone.
    for (const part of partsOf(main)) {
      served.set(part.dataset.part, told(part));
    }
    follow();
  }
  showTimes(document);
  (document.getElementById("refused") ?? document.querySelector("[aria-invalid=true]"))?.focus();

  function setSending(form, is) {
    form.toggleAttribute("data-sending", is);
    for (const button of form.querySelectorAll("button")) {
      button.disabled = is;
    }
  }

  // A button that was pressed stays so until the next page is there. One that the browser brings back can be pressed again.
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) {
      setSending(event.target, true);
    }
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      document.querySelectorAll("form[data-sending]").forEach((form) => setSending(form, false));
    }
  });

  Object.assign(globalThis.milepost, { look, isSeen, setSending });
}
