// The code of docs/webhooks.md, as it stands there.

import { readFileSync } from "node:fs";

const DOC = new URL("../../docs/webhooks.md", import.meta.url);

// A heading, or a fenced block with its language and what is in it.
const PIECE = /^#+ (?<heading>[^\n]+)$|^```(?<language>\w*)\n(?<code>.*?)^```$/gms;

/** What is shown and run by nobody: commands, and what is sent. */
const SHOWN = new Set(["", "sh", "json"]);

/** Every block that is code, with the heading that it is below. */
export function blocks() {
  const found = [];
  let below;
  for (const { groups } of readFileSync(DOC, "utf8").matchAll(PIECE)) {
    below = groups.heading ?? below;
    if (groups.code !== undefined && !SHOWN.has(groups.language)) {
      found.push({ below, language: groups.language, code: groups.code });
    }
  }
  return found;
}
