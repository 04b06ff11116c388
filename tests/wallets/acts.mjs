// What a payer signs after paying, and a delivery oracle, written down from its description and without Milepost's code: the types, and samples of
// every message. crates/evm must show and hash the same; its samples are in tests/evm/acts.rs, in this order.

import { dataSlice, getAddress, id as keccakOfText, parseUnits } from "ethers";

// The addresses that the sandbox makes itself: the last 20 bytes of the hash of what they stand for.
const pseudonym = (name) => getAddress(dataSlice(keccakOfText(name), 12));
const token = (currency) => pseudonym(`milepost sandbox token ${currency}`);

const domain = {
  name: "Milepost",
  version: "1",
  chainId: 31337,
  verifyingContract: pseudonym("milepost sandbox escrow"),
};

const DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const MESSAGES = [
  "Approval(string intentId,string milestoneId,address token,uint256 amount,bytes32 proofHash,uint256 attempt)",
  "Rejection(string intentId,string milestoneId,uint256 attempt,string reason)",
  "Dispute(string intentId,string milestoneId,string reason,uint256 disputeWindow,uint256 count)",
  "Evidence(string intentId,string disputeId,string text,string uri,bytes32 hash)",
  "Reclaim(string intentId,address token,uint256 heldAmount)",
  "Release(string intentId,address token,uint256 heldAmount,bytes32 proofHash)",
  "DeliveryProof(string intentId,bytes32 proofHash)",
];

const intentId = "intent_0000000000000000000001";
const milestoneId = "milestone_0000000000000000000002";
const ZERO = `0x${"00".repeat(32)}`;
const DAI = 18;
const USDC = 6;

const units = (amount, decimals) => parseUnits(amount, decimals).toString();

const SAMPLES = [
  [
    "approval",
    "Approval",
    {
      intentId,
      milestoneId,
      token: token("DAI"),
      amount: units("300.000001", DAI),
      proofHash: keccakOfText("Entwürfe – 設計 🚀\n\"quoted\" \\"),
      attempt: "2",
    },
  ],
  [
    "approval without a proof",
    "Approval",
    {
      intentId,
      milestoneId,
      token: token("USDC"),
      amount: units("0.000001", USDC),
      proofHash: ZERO,
      attempt: "18446744073709551615",
    },
  ],
  ["rejection", "Rejection", { intentId, milestoneId, attempt: "1", reason: "Not as agreed – 設計 🚀\n\tsee \"page 2\"" }],
  [
    "dispute about a milestone",
    "Dispute",
    { intentId, milestoneId, reason: "Broken", disputeWindow: "7776000", count: "3" },
  ],
  [
    "dispute about the order",
    "Dispute",
    { intentId, milestoneId: "", reason: "Nothing arrived", disputeWindow: "0", count: "0" },
  ],
  [
    "evidence",
    "Evidence",
    {
      intentId,
      disputeId: "dispute_0000000000000000000003",
      text: "The parcel was empty ☹",
      uri: "https://example.com/photo.jpg?n=1",
      hash: `0x${"ab".repeat(32)}`,
    },
  ],
  [
    "evidence of nothing",
    "Evidence",
    { intentId, disputeId: "dispute_0000000000000000000003", text: "", uri: "", hash: ZERO },
  ],
  ["reclaim", "Reclaim", { intentId, token: token("DAI"), heldAmount: units("1000000000", DAI) }],
  [
    "release",
    "Release",
    { intentId, token: token("EUR"), heldAmount: units("10.01", 2), proofHash: `0x${"cd".repeat(32)}` },
  ],
  ["delivery proof", "DeliveryProof", { intentId, proofHash: `0x${"cd".repeat(32)}` }],
];

/** `Name(type field,…)` as the JSON of typed data has it. */
function structType(text) {
  const [, name, list] = text.match(/^(\w+)\((.*)\)$/);
  const fields = list.split(",").map((entry) => {
    const [type, field] = entry.split(" ");
    return { name: field, type };
  });
  return { [name]: fields };
}

/** Every sample as a wallet is given it: `{name, typedData, typedDataV4}`. */
export const acts = SAMPLES.map(([name, primaryType, message]) => {
  const types = structType(MESSAGES.find((text) => text.startsWith(`${primaryType}(`)));
  const withDomain = { ...structType(DOMAIN), ...types };
  return {
    name,
    typedData: { domain, types, primaryType, message },
    typedDataV4: { domain, types: withDomain, primaryType, message },
  };
});
