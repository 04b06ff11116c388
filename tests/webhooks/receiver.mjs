// Receivers of webhooks, in processes of their own.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";

import { blocks } from "./blocks.mjs";
import { Folder, PYTHON } from "./runtimes.mjs";

const LANGUAGES = [
  { name: "Node", heading: "JavaScript", language: "js", ending: "mjs", program: process.execPath },
  { name: "Python", heading: "Python", language: "python", ending: "py", program: PYTHON },
];
const LIBRARIES = "With the Standard Webhooks libraries";

export class Receiver {
  static all() {
    return Promise.all(LANGUAGES.map((one) => Receiver.start(one)));
  }

  /** Starts one, of the code of the page and that in receivers/. */
  static async start({ name, heading, language, ending, program }) {
    const code = (below) => blocks().find((block) => block.below === below && block.language === language).code;
    const receiver = new Receiver();
    receiver.name = name;
    receiver.folder = new Folder({
      [`verify.${ending}`]: code(heading),
      [`receive.${ending}`]: code(LIBRARIES),
      [`receiver.${ending}`]: readFileSync(new URL(`receivers/receiver.${ending}`, import.meta.url), "utf8"),
    });
    process.on("exit", () => receiver.stop());
    const options = { cwd: receiver.folder.path, stdio: ["ignore", "pipe", "inherit"] };
    receiver.child = spawn(program, [`receiver.${ending}`], options);
    for await (const port of createInterface({ input: receiver.child.stdout })) {
      receiver.port = port;
      return receiver;
    }
    throw new Error(`the receiver in ${name} did not start`);
  }

  address(path) {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** All calls so far, oldest first, and what each of these secrets makes of them. */
  async judge(secrets) {
    const answer = await fetch(this.address("/judge"), { method: "POST", body: JSON.stringify(secrets) });
    return answer.json();
  }

  stop() {
    this.child.kill();
    this.folder.remove();
  }
}
