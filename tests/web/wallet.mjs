// A wallet in the browser as pages see it (EIP-1193), with a real key, that says no or stands elsewhere when it is told to.

import { Wallet } from "ethers";

const SAID_NO = { code: 4001, message: "User rejected the request." };
const UNKNOWN_CHAIN = { code: 4902, message: "Unrecognized chain ID." };

export class InjectedWallet {
  /** What it was asked, in order. */
  asked = [];
  /** Whether its owner says no to whatever is asked next. */
  saysNo = false;
  /** Whether it knows the chains that it is asked to change to. */
  knowsChains = true;
  chainId = 11155111n;

  constructor(number = 7) {
    this.key = new Wallet(`0x${number.toString(16).padStart(64, "0")}`);
  }

  get address() {
    return this.key.address;
  }

  /** Puts it into every page of a browser. */
  async inject(context) {
    await context.exposeFunction("askWallet", (method, params) => this.answer(method, params));
    await context.addInitScript(() => {
      const request = async ({ method, params }) => {
        const { error, result } = await globalThis.askWallet(method, params);
        if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
        return result;
      };
      globalThis.ethereum = { request };
    });
  }

  async answer(method, params) {
    this.asked.push(method);
    if (this.saysNo) return { error: SAID_NO };
    switch (method) {
      case "eth_requestAccounts":
        return { result: [this.address.toLowerCase()] };
      case "eth_chainId":
        return { result: `0x${this.chainId.toString(16)}` };
      case "wallet_switchEthereumChain":
        if (!this.knowsChains) return { error: UNKNOWN_CHAIN };
        this.chainId = BigInt(params[0].chainId);
        return { result: null };
      case "eth_signTypedData_v4":
        return this.sign(params);
      default:
        return { error: { code: 4200, message: `${method} is not supported` } };
    }
  }

  async sign([account, json]) {
    if (account.toLowerCase() !== this.address.toLowerCase()) return { error: { code: 4100, message: "unknown account" } };
    const { domain, types, message } = JSON.parse(json);
    if (types.EIP712Domain === undefined) return { error: { code: -32602, message: "EIP712Domain is missing" } };
    if (BigInt(domain.chainId) !== this.chainId) return { error: { code: -32602, message: "another chain" } };
    const { EIP712Domain, ...own } = types;
    return { result: await this.key.signTypedData(domain, own, message) };
  }
}
