//! `docs/access.md` is written from what the code says. Another table is another function in [`document`].

use std::fmt::Write as _;
use std::path::Path;

use escrow::{CommandKind, Mode, Role, may_ask};
use server::Access;

use crate::askers::{ONE, Who, refusal};

/// Set, it has the document written instead of compared.
const UPDATE: &str = "UPDATE_DOCS";

const INTRODUCTION: &str = "\
# Who may call what

Written from the code by the tests of `server`; do not edit it. `UPDATE_DOCS=1 cargo nextest run -p server` writes it again.
";

const ROUTES: &str = "
## Routes

Every path lies below `/v1` and, identically, below `/api/v1`; `/health/…` and `/metrics` answer without either as well. A `GET`
route answers `HEAD` too. Each request is checked in this order, and nothing is done unless all of it holds:

1. The key. Where one is needed, none is 401 `authentication_required`; one that is malformed, unknown, revoked or expired is 403
   `forbidden`. Where none is needed, keys are not looked at.
2. How many requests came before, by the key, or by the address where there is no valid one: too many are 429
   `rate_limit_exceeded`. [limits.md](limits.md) has the numbers.
3. What the key may do, as the table says: the kind of key first, then, where a merchant's key is limited, that one of its scopes
   takes in the one that is named; a `write` scope takes in `read`. Admin keys are not limited.
4. The request as a whole: a body or a query that cannot be read is 400 `invalid_request`, one that is too large 413
   `request_too_large`, and one that is too slow 408 `request_timeout`.
5. The object. One that nobody has is 404 `resource_missing`, and so is one of the other mode; another merchant's is 403
   `forbidden`. An admin key, where it is let in, sees the objects of every merchant and both modes. Lists, balances and the ledger
   hold what belongs to the key's merchant and mode.
6. Where only the payer may ask, that there is a `Payer-Token` or a signature: neither is 401 `authentication_required`.
7. The fields, then whose the token or the signature is, and then whether the state allows it.

*Yes* means that the key is let in; a live intent, for one, is still refused as long as no live rail is configured.
";

const ACTIONS: &str = "
## Actions

The key is not all: what a request asks for is decided by the domain, which refuses with 403 `forbidden` whoever may not ask for
it, before it looks at anything else. Who asks is

- the *merchant*, by an API key;
- the *payer*, by a signature of the address that pays, whoever passes it on, or by the token that a card payment returned;
- the *operator*, who runs the gateway, by an admin key;
- *anyone* who knows the id of the intent, by a public route;
- the *gateway* itself, when a timer rings or a rail or a payout method answers.

*Sandbox* means that it may be asked for simulated money only. An action that has no route yet cannot be asked for at all.
";

/// The columns: keys as people know them, and what a route sees of them.
const KEYS: [(&str, Who); 4] = [
    ("no key", Who::NoKey),
    ("test or hackathon key", Who::Merchant(ONE, Mode::Sandbox)),
    ("live key", Who::Merchant(ONE, Mode::Live)),
    ("admin key", Who::Operator),
];

fn document() -> String {
    [INTRODUCTION.to_owned(), routes(), actions()].concat()
}

fn routes() -> String {
    let mut text = format!("{ROUTES}\n| route | scope |");
    for (name, _) in KEYS {
        write!(text, " {name} |").expect("a text");
    }
    writeln!(text, "\n|---|---|{}", "---|".repeat(KEYS.len())).expect("a text");
    for route in server::routes() {
        let scope = route.scope().map_or_else(String::new, |scope| format!("`{scope}`"));
        write!(text, "| `{} {}` | {scope} |", route.method, route.path).expect("a text");
        for (_, who) in KEYS {
            write!(text, " {} |", outcome(route.access, who)).expect("a text");
        }
        text.push('\n');
    }
    text
}

fn outcome(access: Access, who: Who) -> String {
    match (refusal(access, who), access) {
        (Some(refusal), _) => format!("{} `{}`", refusal.status, refusal.code),
        (None, Access::Payer) => "a payer, by what the request carries".to_owned(),
        (None, Access::OperatorOrSandbox | Access::MerchantOrOperator) if who == Who::Operator => {
            "yes, about every merchant's".to_owned()
        }
        (
            None,
            Access::Anyone
            | Access::Merchant
            | Access::Sandbox
            | Access::OperatorOrSandbox
            | Access::MerchantOrOperator
            | Access::Operator,
        ) => "yes".to_owned(),
    }
}

fn actions() -> String {
    let mut text = format!("{ACTIONS}\n| action |");
    for role in Role::ALL {
        write!(text, " {role} |").expect("a text");
    }
    writeln!(text, "\n|---|{}", "---|".repeat(Role::ALL.len())).expect("a text");
    for action in CommandKind::ALL {
        write!(text, "| {} |", in_words(*action)).expect("a text");
        for role in Role::ALL {
            write!(text, " {} |", permission(*role, *action)).expect("a text");
        }
        text.push('\n');
    }
    text
}

const fn permission(who: Role, what: CommandKind) -> &'static str {
    match (may_ask(who, what, Mode::Sandbox), may_ask(who, what, Mode::Live)) {
        (true, true) => "yes",
        (true, false) => "sandbox",
        (false, true) => "live",
        (false, false) => "no",
    }
}

const fn in_words(action: CommandKind) -> &'static str {
    match action {
        CommandKind::Confirm => "consent to the terms by signature, and pay",
        CommandKind::PayByCard => "pay by card",
        CommandKind::AnnounceTransaction => "name the transaction that pays, which moves no money",
        CommandKind::ReceivePayment => "have money come in: say that it did, or simulate a payer",
        CommandKind::SettlePayment => "say that a payment under way is final",
        CommandKind::FailPayment => "have a payment under way fail",
        CommandKind::Cancel => "cancel the intent",
        CommandKind::AddMilestone => "add a milestone",
        CommandKind::UpdateMilestone => "change a milestone",
        CommandKind::DeleteMilestone => "delete a milestone",
        CommandKind::CompleteMilestone => "complete a milestone",
        CommandKind::ReleaseMilestone => "release a milestone by hand",
        CommandKind::Ship => "say that the goods are on their way",
        CommandKind::SubmitProof => "prove the delivery",
        CommandKind::ReleaseOrder => "release all that is held by hand, after a proof",
        CommandKind::ApproveMilestone => "approve a completed milestone",
        CommandKind::RejectMilestone => "reject a completed milestone, to be done again",
        CommandKind::RaiseDispute => "raise a dispute",
        CommandKind::SubmitEvidence => "submit evidence about a dispute",
        CommandKind::ResolveDispute => "decide a dispute",
        CommandKind::EndDispute => "end a dispute that nobody has decided in time",
        CommandKind::DisputeRejection => "make a dispute of a milestone that was rejected and not done again in time",
        CommandKind::Refund => "give money back to the payer",
        CommandKind::Reclaim => "take back what was not delivered in time",
        CommandKind::FailSettlement => "have a settlement refused for good",
        CommandKind::ReturnSettlement => "have a settlement that arrived sent back",
        CommandKind::RetrySettlement => "try a settlement again that did not arrive",
        CommandKind::FailRefund => "have a refund refused for good",
        CommandKind::OpenTimeLock => "release what a time lock held, once its time has come",
        CommandKind::EndSilence => "release what nobody has spoken against for long enough",
        CommandKind::StartSettlement => "start a settlement",
        CommandKind::ConfirmSettlement => "say that a settlement arrived",
        CommandKind::ConfirmRefund => "say that a refund arrived",
        CommandKind::Finalize => "make a settled intent final",
    }
}

#[test]
fn the_document_says_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/access.md");
    let written = document();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &written).expect("docs/access.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = written.lines().zip(found.lines().chain(std::iter::repeat(""))).find(|(new, old)| new != old);
    assert!(
        found == written,
        "docs/access.md is not what the code says; {UPDATE}=1 cargo nextest run -p server writes it. \
         The first line that differs, new and old: {differing:#?}"
    );
}
