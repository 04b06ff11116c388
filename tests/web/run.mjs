// Plays the pages in the system's Chromium by clicking, at a gateway that it starts itself.
//
//     node run.mjs MILEPOST [FOLDER]      (the binary, and where pictures of every page are put: ./pictures)
//
// prints a line per case, and exits with 1 when one of them failed. CHROMIUM names the browser, if it is not /usr/bin/chromium.

import { argv, exit, stderr } from "node:process";

import { cases as checkout } from "./checkout.mjs";
import { cases as dashboard } from "./dashboard.mjs";
import { Browser, Gateway, run } from "./rig.mjs";

const [binary, out = "pictures"] = argv.slice(2);
if (binary === undefined) {
  stderr.write("usage: node run.mjs MILEPOST [FOLDER]\n");
  exit(2);
}

const gateway = await Gateway.start(binary);
let failed = 1;
try {
  const browser = await Browser.launch(out);
  try {
    failed = await run([...checkout(gateway, browser), ...dashboard(gateway, browser)]);
    const { bytes, url } = browser.largest;
    console.log(`the largest page is ${bytes} bytes with all it loads, compressed (${url}); pictures are in ${out}`);
  } finally {
    await browser.close();
  }
} finally {
  await gateway.stop();
}
exit(failed === 0 ? 0 : 1);
