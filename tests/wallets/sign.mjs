// Signs EIP-712 typed data as ethers and viem do it, without asking a gateway anything.
//
//     node sign.mjs PRIVATE_KEY [FILE] < typed-data.json
//
// prints {"ethers": {address, digest, signature}, "viem": {…}}. The typed data is `typedData` of a payment intent, as it is:
// its numbers stay decimal text. Only for keys of tests: the arguments of a process are no secret.

import { readFileSync } from "node:fs";
import { argv, exit, stderr, stdout } from "node:process";
import { pathToFileURL } from "node:url";

import { TypedDataEncoder, Wallet } from "ethers";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";

/** Signs with ethers: `types` must not contain EIP712Domain. */
export async function signWithEthers(privateKey, { domain, types, message }) {
  const wallet = new Wallet(privateKey);
  const signature = await wallet.signTypedData(domain, types, message);
  return { address: wallet.address, digest: TypedDataEncoder.hash(domain, types, message), signature };
}

/** Signs with viem. */
export async function signWithViem(privateKey, { domain, types, primaryType, message }) {
  const account = privateKeyToAccount(privateKey);
  const signature = await account.signTypedData({ domain, types, primaryType, message });
  return { address: account.address, digest: hashTypedData({ domain, types, primaryType, message }), signature };
}

async function main([privateKey, file = 0]) {
  if (privateKey === undefined) {
    stderr.write("usage: node sign.mjs PRIVATE_KEY [FILE] < typed-data.json\n");
    exit(2);
  }
  const typedData = JSON.parse(readFileSync(file, "utf8"));
  const signed = {
    ethers: await signWithEthers(privateKey, typedData),
    viem: await signWithViem(privateKey, typedData),
  };
  stdout.write(`${JSON.stringify(signed, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(argv[1]).href) {
  await main(argv.slice(2));
}
