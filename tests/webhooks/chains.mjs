// The events of an intent as they are served, and what may have become of them.

import { createHash } from "node:crypto";

// What parsers and searches for the last members may stumble over.
const OBJECTS = [
  '{"amount":1.50,"10":1,"2":2,"description":"},\\"previousHash\\":\\"0x"}',
  '{"metadata":{"previousHash":"0x00","hash":"0x00"},"text":"\\u2028 Straße 東京 \u2028 \\r\\n"}',
  '{"n":1e400}',
  '{}',
];

function chain(objects) {
  let previous = Buffer.alloc(32);
  return objects.map((object, index) => {
    const open = `{"id":"evt_${index}","object":"event","data":{"object":${object}},"sequence":${index + 1}`;
    const hash = createHash("sha256").update(previous).update(`${open}}`).digest();
    const text = `${open},"previousHash":"0x${previous.toString("hex")}","hash":"0x${hash.toString("hex")}"}`;
    previous = hash;
    return text;
  });
}

/** Texts in the order that they come in, and what is to be said of them: a hash, or which event does not fit. */
export function chains() {
  const [first, second, third, last] = chain(OBJECTS);
  const head = last.slice(-66, -2);
  const another = chain(["{}", ...OBJECTS]);
  const wrong = (sequence) => `event ${sequence} is not what it was, or not the next one`;
  return [
    ["whole", [first, second, third, last], head],
    ["none", [], "0".repeat(64)],
    ["changed", [first, second.replace("Straße", "Strasse"), third, last], wrong(2)],
    ["with another hash", [first, second.replace(/\w{64}"}$/, `${"0".repeat(64)}"}`), third, last], wrong(2)],
    ["without one", [first, third, last], wrong(2)],
    ["without the first", [second, third, last], wrong(1)],
    ["with one that was inserted", [first, second, another[2], third, last], wrong(3)],
    ["in another order", [first, third, second, last], wrong(2)],
    ["parsed", [JSON.stringify(JSON.parse(first)), second, third, last], wrong(1)],
    ["with something that is no event", [first, "{}"], wrong(2)],
    ["with something that is no JSON", [first, ""], wrong(2)],
  ];
}
