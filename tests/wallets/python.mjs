// Signs with eth_account, in a process of its own: PYTHON names an interpreter that has requirements.txt installed.

import { spawnSync } from "node:child_process";
import { env } from "node:process";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("sign.py", import.meta.url));
const TIMEOUT_MS = 60_000;

/** Signs with eth_account: `types` must contain EIP712Domain. */
export async function signWithEthAccount(privateKey, typedDataV4) {
  const python = env.PYTHON ?? "python3";
  const options = { input: JSON.stringify(typedDataV4), encoding: "utf8", timeout: TIMEOUT_MS };
  const { error, status, stdout, stderr } = spawnSync(python, [SCRIPT, privateKey], options);
  if (error !== undefined || status !== 0) {
    throw new Error(`${python} ${SCRIPT} failed: ${error?.message ?? stderr}`);
  }
  return JSON.parse(stdout);
}
