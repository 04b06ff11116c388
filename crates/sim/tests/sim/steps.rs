//! The language of scenarios: every step that there is.

use escrow::{Escrow, MilestoneId};
use serde_json::{Value, json};

use crate::acts::{self, Who};
use crate::show;
use crate::world::{By, World, text};

/// Why a step did not do what it says.
pub(crate) enum Stopped {
    /// The gateway refused it; printed like anything else.
    Refused(String),
    /// Nobody understands it: the file is wrong.
    Unclear(String),
}

/// What a step prints.
pub(crate) type Printed = Result<Vec<String>, Stopped>;

/// Takes a step. Steps about an intent are about the last one that was created, or gone back to.
pub(crate) async fn take(world: &mut World, step: &str) -> Printed {
    let words: Vec<&str> = step.split_whitespace().collect();
    match words.as_slice() {
        // The gateway, and time.
        ["the", "gateway", "keeps", "a", "fee", "of", percent, "%"] => set_fee(world, percent),
        ["wait", span] => wait(world, span).await,

        // The merchant.
        ["create", amount, currency, how @ ..] => create(world, amount, currency, how).await,
        ["back", "to", "intent", number] => world.go_back(parse(number)?).map(|()| Vec::new()),
        ["add", "milestone", index, "of", amount] => add_milestone(world, index, amount).await,
        ["change", "milestone", index, "to", amount] => {
            on_milestone(world, "PATCH", index, "", json!({"amount": amount})).await
        }
        ["delete", "milestone", index] => on_milestone(world, "DELETE", index, "", Value::Null).await,
        ["complete", "milestone", index] => {
            on_milestone(world, "POST", index, "/complete", json!({"completedBy": "the merchant"})).await
        }
        ["release", "milestone", index] => on_milestone(world, "POST", index, "/release", json!({})).await,
        ["ship"] => as_merchant(world, "/payment-intents", "/escrow/ship", json!({})).await,
        ["submit", "proof", hash] => submit_proof(world, hash, "the merchant").await,
        ["submit", "proof", hash, "as", address] => submit_proof(world, hash, &repeated(address, 42)).await,
        ["release"] => acts::release(world, Who::Merchant).await,
        ["refund"] => as_merchant(world, "/payment-intents", "/refund", json!({})).await,
        ["refund", amount] => as_merchant(world, "/payment-intents", "/refund", json!({"amount": amount})).await,
        ["retry", "settlement", number] => on_settlement(world, "", number, "/retry", Value::Null).await,
        ["the", "merchant", "disputes", "the", "order:", reason @ ..] => {
            acts::dispute(world, Who::Merchant, None, reason).await
        }
        ["the", "merchant", "disputes", "milestone", index, reason @ ..] => {
            acts::dispute(world, Who::Merchant, Some(index), reason).await
        }
        ["the", "merchant", "submits", "evidence:", said @ ..] => {
            acts::submit_evidence(world, Who::Merchant, said).await
        }
        ["cancel"] => as_merchant(world, "/payment-intents", "/cancel", Value::Null).await,

        // The payer, and whoever else knows the intent's address.
        ["the", "payer", "signs"] => sign(world).await,
        ["the", "payer", "confirms"] => confirm(world).await,
        ["the", "payer", "signs", "and", "confirms"] => {
            sign(world).await?;
            confirm(world).await
        }
        ["the", "payer", "pays", "by", "card", number] => pay_by_card(world, number).await,
        ["somebody", "names", "transaction", hash] => {
            in_public(world, "/transaction-hash", json!({"transactionHash": repeated(hash, 66)})).await
        }

        // The payer, after paying. The merchant may say some of it for the simulated payer.
        ["the", "payer", "approves", "milestone", index] => acts::approve(world, Who::Payer, index).await,
        ["approve", "milestone", index] => acts::approve(world, Who::Merchant, index).await,
        ["the", "payer", "rejects", "milestone", index, reason @ ..] => {
            acts::reject(world, Who::Payer, index, reason).await
        }
        ["reject", "milestone", index, reason @ ..] => acts::reject(world, Who::Merchant, index, reason).await,
        ["the", "payer", "disputes", "the", "order:", reason @ ..] => {
            acts::dispute(world, Who::Payer, None, reason).await
        }
        ["the", "payer", "disputes", "milestone", index, reason @ ..] => {
            acts::dispute(world, Who::Payer, Some(index), reason).await
        }
        ["the", "payer", "submits", "evidence:", said @ ..] => acts::submit_evidence(world, Who::Payer, said).await,
        ["the", "payer", "releases"] => acts::release(world, Who::Payer).await,
        ["the", "payer", "reclaims"] => acts::reclaim(world, Who::Payer).await,
        ["reclaim"] => acts::reclaim(world, Who::Merchant).await,

        // Whoever decides disputes.
        ["resolved", "for", "the", "merchant", about @ ..] => {
            acts::resolve(world, json!({"resolution": "MERCHANT_WON"}), about).await
        }
        ["resolved", "for", "the", "payer", about @ ..] => {
            acts::resolve(world, json!({"resolution": "BUYER_WON"}), about).await
        }
        ["resolved", "with", "a", "refund", "of", amount, about @ ..] => {
            acts::resolve(world, json!({"resolution": "PARTIAL_REFUND", "refundAmount": amount}), about).await
        }

        // The rails and the bank.
        ["settlement", number, "fails:", reason @ ..] => {
            on_settlement(world, "/test-helpers", number, "/fail", json!({"reason": reason.join(" ")})).await
        }
        ["a", "payment", "arrives"] => helper(world, "/fund", Value::Null).await,
        ["a", "payment", "of", amount, "arrives"] => helper(world, "/fund", json!({"amount": amount})).await,
        ["the", "rail", "refuses", "the", "payment:", reason @ ..] => {
            helper(world, "/fail", json!({"reason": reason.join(" ")})).await
        }

        // What is seen of it all.
        ["status"] => show::status(world).await,
        ["ledger"] => show::ledger(world).await,
        ["balances"] => show::balances(world).await,
        ["events"] => show::events(world).await,

        _ => Err(Stopped::Unclear("there is no such step".to_owned())),
    }
}

fn set_fee(world: &mut World, percent: &str) -> Printed {
    let (whole, hundredths) = percent.split_once('.').unwrap_or((percent, "0"));
    let basis_points: u16 = parse(&format!("{whole}{hundredths:0<2}"))?;
    world.set_fee(basis_points);
    Ok(Vec::new())
}

/// Moves the sandbox's clock, as a merchant does.
async fn wait(world: &World, span: &str) -> Printed {
    let body = json!({"advance": seconds(span)?});
    world.call(By::Merchant, "POST", "/test-helpers/clock", body).await?;
    let intent = world.get(&format!("/payment-intents/{}", world.intent()?)).await?;
    Ok(status(&intent))
}

fn seconds(span: &str) -> Result<i64, Stopped> {
    let unclear = || Stopped::Unclear("a wait is a number and s, m, h or d".to_owned());
    let (number, unit) = span.split_at_checked(span.len().saturating_sub(1)).ok_or_else(unclear)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(unclear()),
    };
    Ok(parse::<i64>(number)?.saturating_mul(unit_s))
}

/// `create 1000.00 USDC [consented-pull] [milestone-locked | delivery-proof | time-locked for 2d …] [auto-release]
/// [require-approval] [approval-period 3d] … [with milestones 300.00, 700.00]`: every word of [`term`] takes a value.
async fn create(world: &mut World, amount: &str, currency: &str, how: &[&str]) -> Printed {
    let mut body = json!({
        "amount": amount,
        "currency": currency,
        "type": "DELIVERY_VS_PAYMENT",
        "settlementMethod": "OFF_RAMP_MOCK",
        "settlementDestination": "bank_account_123",
    });
    let mut rest = how;
    while let [word, others @ ..] = rest {
        rest = others;
        match *word {
            "conditional" => body["type"] = json!("CONDITIONAL"),
            "consented-pull" => body["type"] = json!("CONSENTED_PULL"),
            "milestone-locked" => body["releaseType"] = json!("MILESTONE_LOCKED"),
            "auto-release" => body["autoRelease"] = json!(true),
            "delivery-proof" => body["releaseType"] = json!("DELIVERY_PROOF"),
            "released-by-proof" => body["releaseType"] = json!("AUTO_RELEASE"),
            "time-locked" => body["releaseType"] = json!("TIME_LOCKED"),
            "require-delivery" => body["requireDelivery"] = json!(true),
            "require-approval" => body["requireApproval"] = json!(true),
            "for" | "approval-period" | "delivery-period" | "dispute-window" | "expecting" | "oracle" => {
                let [value, others @ ..] = rest else { return Err(Stopped::Unclear(format!("{word} what?"))) };
                let (name, value) = term(world, word, value).await?;
                body[name] = value;
                rest = others;
            }
            "with" => {
                let (["milestones", amounts @ ..], none) = (rest, &[]) else {
                    return Err(Stopped::Unclear("with what?".to_owned()));
                };
                let amounts = amounts.iter().map(|amount| amount.trim_end_matches(',')).enumerate();
                body["milestones"] =
                    amounts.map(|(index, amount)| json!({"milestoneIndex": index, "amount": amount})).collect();
                rest = none;
            }
            _ => return Err(Stopped::Unclear(format!("what is {word:?}?"))),
        }
    }
    let created = world.call(By::Merchant, "POST", "/payment-intents", body).await?;
    world.add(&created);
    Ok(status(&created))
}

/// A term of an intent that takes a value. Time locks are as long as is said, counted from now.
async fn term(world: &World, word: &str, value: &str) -> Result<(&'static str, Value), Stopped> {
    Ok(match word {
        "for" => ("timeLockUntil", json!((world.clock().await.seconds() + seconds(value)?).to_string())),
        "approval-period" => ("approvalPeriod", json!(seconds(value)?)),
        "delivery-period" => ("deliveryPeriod", json!(seconds(value)?)),
        "dispute-window" => ("disputeWindow", json!(seconds(value)?)),
        "expecting" => ("expectedDeliveryHash", json!(repeated(value, 66))),
        _ => ("deliveryOracle", json!(repeated(value, 42))),
    })
}

async fn submit_proof(world: &World, hash: &str, by: &str) -> Printed {
    let body = json!({"proofHash": repeated(hash, 66), "submittedBy": by});
    let path = format!("/payment-intents/{}/escrow/delivery-proof", world.intent()?);
    let answer = world.call(By::Merchant, "POST", &path, body).await?;
    Ok(vec![text(&answer["status"]).to_owned()])
}

/// Does something with the settlement that was scheduled as this one, counted from 1.
async fn on_settlement(world: &World, before: &str, number: &str, action: &str, body: Value) -> Printed {
    let number: usize = parse(number)?;
    let escrow = world.escrow().await?;
    let settlement = number.checked_sub(1).and_then(|place| escrow.settlements.get(place));
    let id = settlement.ok_or_else(|| Stopped::Unclear(format!("there is no settlement {number}")))?.id;
    Ok(status(&world.call(By::Merchant, "POST", &format!("{before}/settlements/{id}{action}"), body).await?))
}

async fn add_milestone(world: &World, index: &str, amount: &str) -> Printed {
    let path = format!("/payment-intents/{}/escrow/milestones", world.intent()?);
    let body = json!({"milestoneIndex": parse::<u32>(index)?, "amount": amount});
    Ok(status(&world.call(By::Merchant, "POST", &path, body).await?))
}

async fn on_milestone(world: &World, method: &str, index: &str, action: &str, body: Value) -> Printed {
    let (escrow, id) = milestone(world, index).await?;
    let path = format!("/payment-intents/{}/escrow/milestones/{id}{action}", escrow.id);
    Ok(status(&world.call(By::Merchant, method, &path, body).await?))
}

/// The milestone of this index that is open, else the first one that has ended: deleted ones leave their index to others. A colon
/// may follow the index.
pub(crate) async fn milestone(world: &World, index: &str) -> Result<(Escrow, MilestoneId), Stopped> {
    let wanted: u32 = parse(index.trim_end_matches(':'))?;
    let escrow = world.escrow().await?;
    let mut found = escrow.milestones().iter().filter(|milestone| milestone.index == wanted);
    let open = found.clone().find(|milestone| milestone.is_open()).or_else(|| found.next());
    let id = open.map(|milestone| milestone.id);
    id.map(|id| (escrow, id)).ok_or_else(|| Stopped::Unclear(format!("there is no milestone {wanted}")))
}

async fn as_merchant(world: &World, before: &str, after: &str, body: Value) -> Printed {
    let path = format!("{before}/{}{after}", world.intent()?);
    Ok(status(&world.call(By::Merchant, "POST", &path, body).await?))
}

async fn helper(world: &World, action: &str, body: Value) -> Printed {
    as_merchant(world, "/test-helpers/payment-intents", action, body).await
}

async fn in_public(world: &World, action: &str, body: Value) -> Printed {
    let path = format!("/payment-intents/public/{}{action}", world.intent()?);
    Ok(status(&world.call(By::Anyone, "POST", &path, body).await?))
}

async fn sign(world: &mut World) -> Printed {
    world.signature = Some(world.sign().await?);
    Ok(Vec::new())
}

/// Sends what the payer signed last.
async fn confirm(world: &World) -> Printed {
    let signature = world.signature.as_ref().ok_or_else(|| Stopped::Unclear("nothing was signed yet".to_owned()))?;
    in_public(world, "/confirm", json!({"signature": signature, "payerAddress": world.payer()})).await
}

async fn pay_by_card(world: &mut World, number: &str) -> Printed {
    let card = json!({"cardNumber": repeated(number, 16), "expiry": "12/30", "cvv": "123", "name": "The Payer"});
    let path = format!("/payment-intents/public/{}/payment", world.intent()?);
    let paid = world.call(By::Anyone, "POST", &path, json!({"card": card})).await?;
    world.token = paid["payerToken"].as_str().map(str::to_owned);
    Ok(status(&paid))
}

/// The status of the object that was answered.
pub(crate) fn status(answer: &Value) -> Vec<String> {
    vec![text(&answer["data"]["status"]).to_owned()]
}

fn parse<T: std::str::FromStr>(word: &str) -> Result<T, Stopped> {
    word.parse().map_err(|_| Stopped::Unclear(format!("{word:?} is no number that can stand there")))
}

/// What `…` leaves out: in `0x11…` and `4242…`, the digits again and again, up to this length.
fn repeated(short: &str, length: usize) -> String {
    let Some(shown) = short.strip_suffix('…') else { return short.to_owned() };
    let (prefix, digits) = shown.strip_prefix("0x").map_or(("", shown), |digits| ("0x", digits));
    prefix.chars().chain(digits.chars().cycle()).take(length).collect()
}
