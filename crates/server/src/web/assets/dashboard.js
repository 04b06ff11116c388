// The dashboard follows the events of whoever is signed in, and looks at its page again when something happened.
"use strict";

{
  const main = document.querySelector("main[data-stream]");
  // Events come in groups, and a look at a page costs several requests of those that the key has in a minute: it waits for the rest of a
  // group, between two looks, and longer where it was too much.
  const GROUP_MS = 400;
  const PAUSE_MS = 5_000;
  const SLOWEST_MS = 60_000;
  const { look, isSeen } = globalThis.milepost;
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  let isAsked = false;
  let isLooking = false;

  async function lookSoon() {
    isAsked = true;
    if (isLooking) {
      return;
    }
    isLooking = true;
    while (isAsked) {
      await wait(GROUP_MS);
      await isSeen();
      isAsked = false;
      await look().then(() => wait(PAUSE_MS), () => wait(SLOWEST_MS));
    }
    isLooking = false;
  }

  // Reads the stream to its end. Gives where it ended, so that the next one begins there.
  async function read(body, last) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return last;
      }
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("id: ")) {
          last.id = line.slice("id: ".length);
        } else if (line.startsWith("event: ")) {
          lookSoon();
        }
      }
    }
  }

  async function follow() {
    const last = { id: null };
    for (let pause = 1_000; ; pause = Math.min(pause * 2, SLOWEST_MS)) {
      await isSeen();
      try {
        const headers = last.id === null ? {} : { "Last-Event-ID": last.id };
        const answer = await fetch(main.dataset.stream, { cache: "no-store", headers });
        if (answer.status === 401 || answer.status === 403) {
          return;
        }
        if (answer.ok) {
          pause = 1_000;
          await read(answer.body, last);
        }
      } catch {
        // The gateway is away, or the page is left.
      }
      await wait(pause);
    }
  }

  if (main !== null) {
    follow();
  }
}
