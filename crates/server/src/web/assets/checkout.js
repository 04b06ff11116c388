// What the checkout and the payer's page do with scripts: have a wallet sign, and go back to the shop.
"use strict";

{
  const SAID_NO = 4001;
  const UNKNOWN_CHAIN = 4902;
  const BUSY = -32002;

  // A reason for people.
  class Refused extends Error {}

  // Wallets announce themselves (EIP-6963); older ones are at `window.ethereum` alone (EIP-1193).
  const announced = [];
  addEventListener("eip6963:announceProvider", (event) => announced.push(event.detail.provider));
  dispatchEvent(new Event("eip6963:requestProvider"));

  async function ask(wallet, method, params) {
    try {
      return await wallet.request({ method, params });
    } catch (error) {
      if (error?.code === SAID_NO) {
        throw new Refused("You said no in the wallet. Nothing was done.");
      }
      if (error?.code === BUSY) {
        throw new Refused("The wallet already asks you something. Answer it there, then try again.");
      }
      throw error;
    }
  }

  async function accountOf(wallet, signer) {
    const accounts = await ask(wallet, "eth_requestAccounts");
    const isSigner = (account) => account.toLowerCase() === signer.toLowerCase();
    const account = signer === undefined ? accounts[0] : accounts.find(isSigner);
    if (account === undefined && signer !== undefined) {
      throw new Refused(`This was paid by ${signer}. Choose that account in the wallet, then try again.`);
    }
    if (account === undefined) {
      throw new Refused("The wallet shows no account. Unlock it, then try again.");
    }
    return account;
  }

  async function useChain(wallet, chainId) {
    const wanted = `0x${chainId.toString(16)}`;
    const isThere = async () => BigInt(await ask(wallet, "eth_chainId")) === BigInt(wanted);
    if (await isThere()) {
      return;
    }
    try {
      await ask(wallet, "wallet_switchEthereumChain", [{ chainId: wanted }]);
    } catch (error) {
      if (error?.code === UNKNOWN_CHAIN) {
        throw new Refused(`The wallet does not know the chain ${chainId}. Add it there, then try again.`);
      }
      throw error;
    }
    if (!(await isThere())) {
      throw new Refused(`The wallet is on another chain. Change it to chain ${chainId}, then try again.`);
    }
  }

  // What is signed: as it was served, with the payer's own words in it.
  function messageOf(form) {
    const typed = JSON.parse(form.dataset.typed);
    for (const name of (form.dataset.fills ?? "").split(" ").filter((name) => name !== "")) {
      typed.message[name] = form.elements[name]?.value ?? "";
    }
    return typed;
  }

  async function sign(form) {
    const wallet = globalThis.ethereum ?? announced[0];
    if (wallet === undefined) {
      throw new Refused("There is no wallet in this browser. Open this page where your wallet is.");
    }
    const account = await accountOf(wallet, form.dataset.signer);
    const typed = messageOf(form);
    await useChain(wallet, typed.domain.chainId);
    form.elements.signature.value = await ask(wallet, "eth_signTypedData_v4", [account, JSON.stringify(typed)]);
    form.elements.payerAddress.value = account;
  }

  // Before the script of every page sees it, which sends what is not held back.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.dataset.typed === undefined) {
      return;
    }
    event.preventDefault();
    const said = form.querySelector("[data-said]");
    said.textContent = "Look at your wallet: it asks you to sign.";
    globalThis.milepost.setSending(form, true);
    try {
      await sign(form);
      form.submit();
    } catch (error) {
      const why = error instanceof Refused ? error.message : `The wallet could not sign: ${error?.message ?? error}`;
      said.textContent = why;
      globalThis.milepost.setSending(form, false);
    }
  }, { capture: true });

  // Whoever paid here goes back to where they came from, unless they stay.
  const RETURN_AFTER_MS = 4_000;
  const main = document.querySelector("main[data-live]");
  let isPaying = main?.hasAttribute("data-paying") ?? false;

  function goBack() {
    const link = document.querySelector("a[data-return]");
    const told = document.querySelector("[data-returning]");
    if (!isPaying || link === null || !["paid", "over"].includes(main.dataset.stage)) {
      return;
    }
    isPaying = false;
    told.hidden = false;
    const leaving = setTimeout(() => location.assign(link.href), RETURN_AFTER_MS);
    told.querySelector("[data-stay]").addEventListener("click", () => {
      clearTimeout(leaving);
      told.hidden = true;
    });
  }

  if (isPaying) {
    history.replaceState(null, "", location.pathname);
  }
  goBack();
  main?.addEventListener("milepost:live", (event) => {
    isPaying ||= event.detail.before === "confirming";
    goBack();
  });
}
