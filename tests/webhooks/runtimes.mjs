// How the code of docs/webhooks.md is run in each of its languages.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { env, execPath } from "node:process";
import { fileURLToPath } from "node:url";

const TIMEOUT_MS = 180_000;
const CHECKS = new URL("checks/", import.meta.url);

/** Its path is made whole, since programs run in folders of their own. */
export const PYTHON = env.PYTHON?.includes("/") ? resolve(env.PYTHON) : (env.PYTHON ?? "python3");

// Nothing is fetched, and no other toolchain either.
const GO = { GOTOOLCHAIN: "local", GOPROXY: "off", GOFLAGS: "", GO111MODULE: "on" };

/**
 * Each with the block that it runs (the heading above it, its language), what keeps it from running here, if anything does, the files
 * that are made of the block, and the commands, of which the last one reads calls.
 */
export const RUNTIMES = [
  {
    name: "JavaScript",
    block: ["JavaScript", "js"],
    files: (code) => ({ "verify.mjs": code, "check.mjs": check("check.mjs") }),
    commands: [[execPath, "check.mjs"]],
  },
  {
    name: "Python",
    block: ["Python", "python"],
    missing: noPython,
    files: (code) => ({ "verify.py": code, "check.py": check("check.py") }),
    commands: [[PYTHON, "check.py"]],
  },
  {
    name: "Java",
    block: ["Java", "java"],
    missing: noJava,
    // A program of one file: its imports, the class that is started, the class of the documentation.
    files: (code) => ({ "Check.java": oneFile(check("Check.java"), code) }),
    commands: [["java", "-XX:TieredStopAtLevel=1", "Check.java"]],
  },
  {
    name: "Go",
    block: ["Go", "go"],
    missing: noGo,
    files: (code) => ({ "go.mod": "module receiver\n\ngo 1.19\n", "webhooks/webhooks.go": code, "check.go": check("check.go") }),
    commands: [["go", "build", "-o", "check", "."], ["./check"]],
  },
  {
    name: "PHP",
    block: ["PHP", "php"],
    missing: noPhp,
    files: (code) => ({ "verify.php": code, "check.php": check("check.php") }),
    commands: [["php", "check.php"]],
  },
];

/** The same for the public libraries. */
export const LIBRARIES = [
  {
    name: "standardwebhooks for Node",
    block: ["With the Standard Webhooks libraries", "js"],
    files: (code) => ({ "receive.mjs": code, "library.mjs": check("library.mjs") }),
    commands: [[execPath, "library.mjs"]],
  },
  {
    name: "standardwebhooks for Python",
    block: ["With the Standard Webhooks libraries", "python"],
    missing: () => python("import standardwebhooks"),
    files: (code) => ({ "receive.py": code, "library.py": check("library.py") }),
    commands: [[PYTHON, "library.py"]],
  },
];

/** The recomputation of hashes. */
export const CHAIN = {
  name: "the hash chain in Python",
  block: ["The hash chain", "python"],
  missing: noPython,
  files: (code) => ({ "chain.py": code, "check_chain.py": check("check_chain.py") }),
  commands: [[PYTHON, "check_chain.py"]],
};

/** A folder for as long as something runs in it, with these files, where the packages for Node are found. */
export class Folder {
  constructor(files) {
    this.path = mkdtempSync(join(tmpdir(), "milepost-webhooks-"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, name)), { recursive: true });
      writeFileSync(join(this.path, name), text);
    }
    symlinkSync(fileURLToPath(new URL("node_modules", import.meta.url)), join(this.path, "node_modules"));
  }

  remove() {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Writes the files, runs all commands but the last, and has the last one answer `input()`, which is asked for when it starts. */
export function run(runtime, code, input) {
  const folder = new Folder(runtime.files(code));
  try {
    const commands = runtime.commands.map(([program, ...parameters]) => [program, parameters]);
    const [program, parameters] = commands.pop();
    commands.forEach(([before, its]) => must(before, its, { cwd: folder.path }));
    return must(program, parameters, { cwd: folder.path, input: input() });
  } finally {
    folder.remove();
  }
}

const check = (name) => readFileSync(new URL(name, CHECKS), "utf8");

function oneFile(...sources) {
  const lines = sources.flatMap((source) => source.split("\n"));
  const isImport = (line) => line.startsWith("import ");
  return [...lines.filter(isImport), ...lines.filter((line) => !isImport(line))].join("\n");
}

function noPython() {
  return python("import sys; sys.exit(sys.version_info < (3, 9) and 'it is older than 3.9')");
}

function noJava() {
  const { problem, stdout } = output("java", ["--list-modules"]);
  if (problem !== undefined) return problem;
  const [, version] = stdout.match(/^java\.base@(\d+)/m) ?? [];
  if (Number(version) < 17) return "it is older than 17";
  return /^jdk\.compiler@/m.test(stdout) ? undefined : "it has no compiler";
}

function noGo() {
  const { problem, stdout } = output("go", ["env", "GOVERSION"]);
  if (problem !== undefined) return problem;
  const [, minor] = stdout.match(/^go1\.(\d+)/) ?? [];
  return Number(minor) < 19 ? "it is older than 1.19" : undefined;
}

function noPhp() {
  const { problem, stdout } = output("php", ["-r", "echo PHP_VERSION_ID;"]);
  if (problem !== undefined) return problem;
  return Number(stdout) < 80000 ? "it is older than 8.0" : undefined;
}

function python(code) {
  return output(PYTHON, ["-c", code]).problem;
}

/** What a program says, or why it says nothing, in a line, and all it said about that. */
function output(program, parameters, options = {}) {
  const settings = { encoding: "utf8", timeout: TIMEOUT_MS, env: { ...env, ...GO }, ...options };
  const { error, status, stdout, stderr } = spawnSync(program, parameters, settings);
  if (error?.code === "ENOENT") return { problem: `there is no ${program}` };
  if (error !== undefined) return { problem: error.message };
  if (status === 0) return { stdout };
  const said = `${stdout}${stderr}`.trim();
  return { problem: said.split("\n").at(-1) || `it ended with ${status}`, said };
}

function must(program, parameters, options) {
  const { problem, said, stdout } = output(program, parameters, options);
  if (problem !== undefined) throw new Error(`${program} ${parameters.join(" ")}: ${said ?? problem}`);
  return stdout;
}
