// Makes crates/evm/tests/evm/wallets.json: signatures of every sample by every library. The consents come in, as crates/evm
// shows them; the acts are written down in acts.mjs. See README.md.

import { readFileSync } from "node:fs";
import { stdout } from "node:process";

import { acts } from "./acts.mjs";
import { signWithEthAccount } from "./python.mjs";
import { signWithEthers, signWithViem } from "./sign.mjs";

// The first well-known account of every development chain (hardhat, anvil).
const PRIVATE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

const { devDependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const [, ethAccount] = readFileSync(new URL("requirements.txt", import.meta.url), "utf8").match(/^eth-account==(.*)$/m);

async function sign({ name, typedData, typedDataV4 }) {
  const signed = {
    ethers: await signWithEthers(PRIVATE_KEY, typedData),
    viem: await signWithViem(PRIVATE_KEY, typedData),
    eth_account: await signWithEthAccount(PRIVATE_KEY, typedDataV4),
  };
  return { name, typedData, typedDataV4, signed };
}

const consents = await Promise.all(JSON.parse(readFileSync(0, "utf8")).map(sign));
const libraries = { ethers: devDependencies.ethers, viem: devDependencies.viem, eth_account: ethAccount };
stdout.write(`${JSON.stringify({ libraries, consents, acts: await Promise.all(acts.map(sign)) }, null, 2)}\n`);
