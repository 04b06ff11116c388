//! What a scenario shows of money, objects and events: aligned, with the time since the scenario began, and without ids.

use escrow::money::decimal;
use escrow::refund::RefundSource;
use escrow::{
    Currency, DisputeId, DisputeState, Escrow, Hash, Means, MilestoneId, PaymentState, Purpose, Refund, RefundId,
    SettlementId, Timestamp,
};
use serde_json::Value;

use crate::steps::Printed;
use crate::world::{START, World, text};

/// What is printed where there is nothing to show.
const NONE: &str = "none";

/// Where an intent and all that belongs to it stand.
pub(crate) async fn status(world: &World) -> Printed {
    let escrow = world.escrow().await?;
    let path = format!("/payment-intents/{}", escrow.id);
    let intent = world.get(&path).await?;
    let announced = named(escrow.hint);
    let mut rows = vec![vec!["intent".to_owned(), said(&intent["data"]) + &announced]];
    if escrow.order.is_some() {
        let order = &world.get(&format!("{path}/escrow")).await?["data"];
        let amount = |name: &str| text(&order[&format!("{name}Amount")]).to_owned();
        let amounts = ["funded", "held", "released", "refunded", "unallocated"];
        let amounts = amounts.map(|name| format!("{name} {}", amount(name))).join(", ");
        rows.push(vec!["order".to_owned(), format!("{}; {amounts}", said(order))]);
        for milestone in order["milestones"].as_array().expect("milestones") {
            let name = format!("milestone {}", milestone["milestoneIndex"]);
            rows.push(vec![name, format!("{} {}", text(&milestone["amount"]), milestone_said(milestone))]);
        }
    }
    rows.extend(money(&escrow));
    Ok(aligned(&rows))
}

/// The status of a milestone, with what a plain status does not tell.
fn milestone_said(milestone: &Value) -> String {
    let mut said = text(&milestone["status"]).to_owned();
    if let Some(refunded) = milestone["refundedAmount"].as_str() {
        said.push_str(&format!(" but for {refunded}"));
    }
    if let Some(reason) = milestone["rejectionReason"].as_str() {
        said.push_str(&format!(", rejected: {reason}"));
    }
    if milestone["status"] == "COMPLETED" && !milestone["approvedAt"].is_null() {
        said.push_str(", approved");
    }
    if milestone["disputed"] == true {
        said.push_str(", disputed");
    }
    said
}

/// The status of an intent or an order, with how far its settlement is.
fn said(object: &Value) -> String {
    let status = text(&object["status"]);
    object["settlementStatus"].as_str().map_or_else(|| status.to_owned(), |far| format!("{status}, settlement {far}"))
}

/// A transaction that somebody named, by its first digits.
fn named(transaction: Option<Hash>) -> String {
    transaction.map_or_else(String::new, |hash| format!(", transaction 0x{:.4}…", hash.to_string()))
}

/// Payments, settlements and refunds, for which the API has no list of one intent yet.
fn money(escrow: &Escrow) -> Vec<Vec<String>> {
    let payments = escrow.payments.iter().map(|payment| {
        let means = match payment.means {
            Means::Deposit(_) => "deposit",
            Means::Wallet(_) => "wallet",
            Means::Card(_) => "card",
        };
        let state = match &payment.state {
            PaymentState::Confirming { due } => format!("is confirming, final at {}", since_start(*due)),
            PaymentState::Final { .. } => "is the funding".to_owned(),
            PaymentState::Failed { reason, .. } => format!("failed: {reason}"),
            PaymentState::Unapplied { refund, .. } => format!("goes back as {}", refund_name(escrow, *refund)),
        };
        format!("{means} on the {} rail{}, {state}", payment.rail, named(payment.transaction))
    });
    let settlements =
        escrow.settlements.iter().map(|settlement| format!("{} {}", settlement.amount, settlement.status().name()));
    let refunds = escrow
        .refunds
        .iter()
        .map(|refund| format!("{} {}, {}", refund.amount, refund.status().name(), refunded_from(refund)));
    let rows = |name: &str, items: Vec<String>| {
        let row = |(place, item): (usize, String)| vec![format!("{name} {}", place + 1), item];
        items.into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    let disputes = escrow.disputes().iter().map(|dispute| {
        let about = dispute.milestone.map_or_else(|| "the order".to_owned(), |id| milestone_name(escrow, id));
        let state = match &dispute.state {
            DisputeState::Open { due } => format!("open until {}", since_start(*due)),
            DisputeState::Resolved(resolved) => {
                format!("{}: refunded {}, released {}", resolved.resolution, resolved.refunded, resolved.released)
            }
        };
        format!("about {about}, {state}")
    });
    [
        rows("payment", payments.collect()),
        rows("settlement", settlements.collect()),
        rows("refund", refunds.collect()),
        rows("dispute", disputes.collect()),
    ]
    .concat()
}

/// Where the money of a refund was.
fn refunded_from(refund: &Refund) -> String {
    match (refund.source, refund.from_payable) {
        (RefundSource::Unapplied(reason), _) => format!("came {}", reason.name()),
        (RefundSource::Escrow, None) => "from escrow".to_owned(),
        (RefundSource::Escrow, Some(released)) if released == refund.amount => "released before".to_owned(),
        (RefundSource::Escrow, Some(released)) => format!("{released} of it released before"),
    }
}

/// Every transfer of an intent.
pub(crate) async fn ledger(world: &World) -> Printed {
    let escrow = world.escrow().await?;
    let transfers = world.transfers().await?;
    let width = transfers.iter().map(|row| row.transfer.amount.to_string().len()).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = transfers
        .iter()
        .map(|row| {
            let purpose = row.transfer.purpose;
            let (from, to) = purpose.accounts();
            vec![
                since_start(row.created),
                purpose.kind().name().to_owned(),
                from.to_string(),
                format!("-> {to}"),
                format!("{:>width$} {}", row.transfer.amount.to_string(), row.transfer.amount.currency()),
                made_for(&escrow, purpose),
            ]
        })
        .collect();
    Ok(aligned(&rows))
}

/// What the merchant is told, and below it every account that is not empty.
pub(crate) async fn balances(world: &World) -> Printed {
    let told = world.get("/account/balance").await?;
    let accounts = world.store().balances(world.owner()).await.expect("readable");
    let mut lines = Vec::new();
    if accounts.is_empty() {
        lines.push(NONE.to_owned());
    }
    for told in told["data"]["balances"].as_array().expect("balances") {
        let currency = Currency::from_code(text(&told["currency"])).expect("a currency");
        let amounts = ["available", "pending", "reserved", "total"];
        let amounts = amounts.map(|name| format!("{name} {}", text(&told[format!("{name}Balance")]))).join(", ");
        lines.push(format!("{amounts} {currency}"));
        let open = accounts.iter().filter(|balance| balance.currency == currency && balance.minor != 0);
        let rows: Vec<[String; 2]> =
            open.map(|balance| [balance.account.to_string(), decimal(balance.minor, currency)]).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let (first, second) = (width(0), width(1));
        lines.extend(rows.iter().map(|[account, amount]| format!("  {account:first$}  {amount:>second$} {currency}")));
    }
    Ok(lines)
}

/// Every event of an intent.
pub(crate) async fn events(world: &World) -> Printed {
    let escrow = world.escrow().await?;
    let rows: Vec<Vec<String>> = world
        .events()
        .await?
        .iter()
        .map(|event| {
            let data = &event["data"];
            let about = match text(&data["object"]["object"]) {
                "milestone" => format!("milestone {}", data["object"]["milestoneIndex"]),
                "settlement" => settlement_name(&escrow, text(&data["object"]["id"]).parse().expect("an id")),
                "dispute" => dispute_name(&escrow, text(&data["object"]["id"]).parse().expect("an id")),
                "refund" => refund_name(&escrow, text(&data["object"]["id"]).parse().expect("an id")),
                _ => String::new(),
            };
            let was = data["previous_attributes"].as_object().into_iter().flatten();
            let was = was.map(|(name, value)| format!("{name} was {}", text(value)));
            let is_simulated = data["simulated"] == true;
            let remarks: Vec<String> = was.chain(is_simulated.then(|| "simulated".to_owned())).collect();
            let at = Timestamp::from_ms(event["created"].as_i64().expect("seconds") * 1000);
            vec![since_start(at), text(&event["type"]).to_owned(), about, remarks.join(", ")]
        })
        .collect();
    Ok(aligned(&rows))
}

/// What a transfer was made for, where its purpose names it.
fn made_for(escrow: &Escrow, purpose: Purpose) -> String {
    match purpose {
        Purpose::Fund(_) | Purpose::Release(None) | Purpose::Fee(None) => String::new(),
        Purpose::Release(Some(id)) | Purpose::Fee(Some(id)) => milestone_name(escrow, id),
        Purpose::Reserve(id) | Purpose::Settle(id, _) | Purpose::Unreserve(id) | Purpose::Unsettle(id, _) => {
            settlement_name(escrow, id)
        }
        Purpose::Refund(id)
        | Purpose::RefundPayable(id)
        | Purpose::Return(id, _)
        | Purpose::Restore(id)
        | Purpose::RestorePayable(id)
        | Purpose::Receive(id, _)
        | Purpose::SendBack(id, _) => refund_name(escrow, id),
    }
}

fn milestone_name(escrow: &Escrow, id: MilestoneId) -> String {
    format!("milestone {}", escrow.milestone(id).expect("it is the escrow's").index)
}

fn settlement_name(escrow: &Escrow, id: SettlementId) -> String {
    let place = escrow.settlements.iter().position(|settlement| settlement.id == id);
    format!("settlement {}", place.expect("it is the escrow's") + 1)
}

fn dispute_name(escrow: &Escrow, id: DisputeId) -> String {
    let place = escrow.disputes().iter().position(|dispute| dispute.id == id);
    format!("dispute {}", place.expect("it is the escrow's") + 1)
}

fn refund_name(escrow: &Escrow, id: RefundId) -> String {
    let place = escrow.refunds.iter().position(|refund| refund.id == id);
    format!("refund {}", place.expect("it is the escrow's") + 1)
}

/// `00:00:10`, after a day `7d 00:00:10`.
fn since_start(time: Timestamp) -> String {
    let ms = time.ms() - START.ms();
    assert_eq!(ms % 1000, 0, "a scenario counts whole seconds");
    let (days, rest_s) = (ms / 86_400_000, ms / 1000 % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest_s / 3600, rest_s / 60 % 60, rest_s % 60);
    if days == 0 { clock } else { format!("{days}d {clock}") }
}

/// Rows as lines, every column as wide as its widest cell.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return vec![NONE.to_owned()];
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        cells.map(|(cell, width)| format!("{cell:width$}")).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
