// Makes crates/evm/tests/evm/wallets.json: signatures of every sample by every library. See README.md.

import { readFileSync } from "node:fs";
import { stdout } from "node:process";

import { signWithEthAccount } from "./python.mjs";
import { signWithEthers, signWithViem } from "./sign.mjs";

// The first well-known account of every development chain (hardhat, anvil).
const PRIVATE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

const { devDependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const [, ethAccount] = readFileSync(new URL("requirements.txt", import.meta.url), "utf8").match(/^eth-account==(.*)$/m);

const consents = [];
for (const { name, typedData, typedDataV4 } of JSON.parse(readFileSync(0, "utf8"))) {
  const signed = {
    ethers: await signWithEthers(PRIVATE_KEY, typedData),
    viem: await signWithViem(PRIVATE_KEY, typedData),
    eth_account: await signWithEthAccount(PRIVATE_KEY, typedDataV4),
  };
  consents.push({ name, typedData, typedDataV4, signed });
}
const libraries = { ethers: devDependencies.ethers, viem: devDependencies.viem, eth_account: ethAccount };
stdout.write(`${JSON.stringify({ libraries, consents }, null, 2)}\n`);
