//! The language of scenarios: every step that there is.

use escrow::Span;
use serde_json::{Value, json};

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

        // The rails.
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

async fn wait(world: &World, span: &str) -> Printed {
    let unclear = || Stopped::Unclear("a wait is a number and s, m, h or d".to_owned());
    let (number, unit) = span.split_at_checked(span.len().saturating_sub(1)).ok_or_else(unclear)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(unclear()),
    };
    let target = world.now().after(Span::from_seconds(parse::<i64>(number)?.saturating_mul(unit_s)));
    world.wait_until(target).await;
    let intent = world.get(&format!("/payment-intents/{}", world.intent()?)).await?;
    Ok(status(&intent))
}

/// `create 1000.00 USDC [conditional | consented-pull] [milestone-locked] [auto-release] [with milestones 300.00, 700.00]`
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

async fn add_milestone(world: &World, index: &str, amount: &str) -> Printed {
    let path = format!("/payment-intents/{}/escrow/milestones", world.intent()?);
    let body = json!({"milestoneIndex": parse::<u32>(index)?, "amount": amount});
    Ok(status(&world.call(By::Merchant, "POST", &path, body).await?))
}

/// Does something with the milestone of this index that was not deleted, or else with the deleted one.
async fn on_milestone(world: &World, method: &str, index: &str, action: &str, body: Value) -> Printed {
    let index: u32 = parse(index)?;
    let escrow = world.escrow().await?;
    let of_index = |milestone: &&escrow::Milestone| milestone.index == index;
    let mut found = escrow.milestones().iter().filter(of_index);
    let milestone = found.clone().find(|milestone| milestone.is_open()).or_else(|| found.next());
    let milestone = milestone.ok_or_else(|| Stopped::Unclear(format!("there is no milestone {index}")))?;
    let path = format!("/payment-intents/{}/escrow/milestones/{}{action}", escrow.id, milestone.id);
    Ok(status(&world.call(By::Merchant, method, &path, body).await?))
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

async fn pay_by_card(world: &World, number: &str) -> Printed {
    let card = json!({"cardNumber": repeated(number, 16), "expiry": "12/30", "cvv": "123", "name": "The Payer"});
    in_public(world, "/payment", json!({"card": card})).await
}

/// The status of the object that was answered.
fn status(answer: &Value) -> Vec<String> {
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
