// Runs the code of docs/webhooks.md, in every language whose runtime is here, and the public libraries on calls that are genuine and
// calls that are not.
//
//     node run.mjs
//
// prints a line per language, `skipped` and why where it was not run, and exits with 1 when a case failed. PYTHON names an interpreter
// that has requirements.txt installed.

import { exit } from "node:process";

import { blocks } from "./blocks.mjs";
import { cases, line } from "./cases.mjs";
import { chains } from "./chains.mjs";
import { CHAIN, LIBRARIES, RUNTIMES, run } from "./runtimes.mjs";

let failures = 0;

function report(name, count, wrong) {
  failures += wrong.length;
  wrong.forEach((what) => console.log(`FAILED  ${name}: ${what}`));
  if (wrong.length === 0) console.log(`ok      ${name}, ${count} cases`);
}

/** Runs what is not missing; an error is a failure of all its cases. */
function attempt(runtime, check) {
  const missing = runtime.missing?.();
  if (missing !== undefined) {
    console.log(`skipped ${runtime.name}: ${missing}`);
    return;
  }
  try {
    const { count, wrong } = check();
    report(runtime.name, count, wrong);
  } catch (error) {
    report(runtime.name, 0, [error.message]);
  }
}

/** Has a program judge calls, which are made just before it starts. */
function judge(runtime, code, choose, expectation) {
  let asked = [];
  const answers = run(runtime, code, () => {
    asked = cases().filter(choose);
    return asked.map(({ call }) => `${line(call)}\n`).join("");
  });
  const verdicts = answers.split("\n").slice(0, -1);
  if (verdicts.length !== asked.length) throw new Error(`${verdicts.length} answers to ${asked.length} calls`);
  const wrong = asked.flatMap(({ name, expected }, index) => {
    const want = expectation(expected);
    return verdicts[index] === want ? [] : [`${name}: ${verdicts[index]} in place of ${want}`];
  });
  return { count: asked.length, wrong };
}

function judgeChains(code) {
  const wrong = chains().flatMap(([name, texts, want]) => {
    const said = run(CHAIN, code, () => texts.map((text) => `${text}\n`).join("")).trim();
    return said === want ? [] : [`${name}: ${said} in place of ${want}`];
  });
  return { count: chains().length, wrong };
}

const code = blocks();

/** The block of a runtime, of which there must be one. */
function take([below, language]) {
  const index = code.findIndex((block) => block.below === below && block.language === language);
  if (index < 0) throw new Error(`docs/webhooks.md has no ${language} below "${below}"`);
  return code.splice(index, 1)[0].code;
}

for (const runtime of RUNTIMES) {
  const block = take(runtime.block);
  attempt(runtime, () => judge(runtime, block, () => true, (expected) => `${expected.standard} ${expected.finternet}`));
}
for (const library of LIBRARIES) {
  const block = take(library.block);
  attempt(library, () => judge(library, block, (one) => one.notForLibraries === undefined, (expected) => `${expected.standard}`));
}
const chain = take(CHAIN.block);
attempt(CHAIN, () => judgeChains(chain));
if (code.length > 0) {
  report("code that nothing runs", 0, code.map(({ below, language }) => `${language} below "${below}"`));
}

console.log(failures === 0 ? "all as expected" : `${failures} failed`);
exit(failures === 0 ? 0 : 1);
