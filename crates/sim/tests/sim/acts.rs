//! What a payer does after paying, by wallet signature or by the token that a card payment returned; and what the merchant of the
//! sandbox does in the payer's place.

use escrow::{Escrow, MilestoneId};
use evm::Act;
use serde_json::{Value, json};

use crate::steps::{Printed, Stopped, milestone, status};
use crate::world::{By, World};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Payer,
    Merchant,
}

/// Approves a completed milestone.
pub(crate) async fn approve(world: &World, who: Who, index: &str) -> Printed {
    let (escrow, id) = milestone(world, index).await?;
    let milestone = escrow.milestone(id).expect("just found");
    let proof = milestone.completion().and_then(|completion| completion.proof.as_deref());
    let attempt = u64::from(milestone.attempts);
    let act = Act::Approval { intent: escrow.id, milestone: id, amount: milestone.amount, proof, attempt };
    send(world, who, &format!("milestones/{id}/approve"), act, json!({})).await
}

/// Rejects a completed milestone.
pub(crate) async fn reject(world: &World, who: Who, index: &str, reason: &[&str]) -> Printed {
    let (escrow, id) = milestone(world, index).await?;
    let attempt = u64::from(escrow.milestone(id).expect("just found").attempts);
    let reason = reason.join(" ");
    let act = Act::Rejection { intent: escrow.id, milestone: id, attempt, reason: &reason };
    send(world, who, &format!("milestones/{id}/reject"), act, json!({"reason": reason})).await
}

/// Disputes the order, or the milestone of this index.
pub(crate) async fn dispute(world: &World, who: Who, index: Option<&str>, reason: &[&str]) -> Printed {
    let (escrow, about) = about(world, index).await?;
    let reason = reason.join(" ");
    let count = escrow.disputes().len() as u64;
    let act = Act::Dispute { intent: escrow.id, milestone: about, reason: &reason, window: None, count };
    let mut body = json!({"reason": reason, "raisedBy": label(who)});
    if let Some(milestone) = about {
        body["milestoneId"] = json!(milestone.to_string());
    }
    send(world, who, "dispute", act, body).await
}

/// Submits a text about the only open dispute.
pub(crate) async fn submit_evidence(world: &World, who: Who, said: &[&str]) -> Printed {
    let escrow = world.escrow().await?;
    let open = escrow.disputes().iter().find(|dispute| dispute.is_open());
    let dispute = open.map(|dispute| dispute.id.to_string()).unwrap_or_default();
    let said = said.join(" ");
    let act = Act::Evidence { intent: escrow.id, dispute: &dispute, text: Some(&said), uri: None, hash: None };
    send(world, who, "dispute/evidence", act, json!({"submittedBy": label(who), "text": said})).await
}

/// Takes back what was not delivered in time.
pub(crate) async fn reclaim(world: &World, who: Who) -> Printed {
    let escrow = world.escrow().await?;
    let act = Act::Reclaim { intent: escrow.id, held: escrow.funds.held };
    send(world, who, "reclaim", act, json!({})).await
}

/// Releases all that is held, after a proof.
pub(crate) async fn release(world: &World, who: Who) -> Printed {
    let escrow = world.escrow().await?;
    let proof = escrow.order.as_ref().and_then(|order| order.proof.as_ref());
    let proof = proof.map_or(escrow::Hash::ZERO, |proof| proof.hash);
    let act = Act::Release { intent: escrow.id, held: escrow.funds.held, proof };
    send(world, who, "release", act, json!({})).await
}

/// Decides a dispute with the merchant's key, which may do so in the sandbox: over the milestone of this index, else the only one.
pub(crate) async fn resolve(world: &World, mut body: Value, about_what: &[&str]) -> Printed {
    let index = match about_what {
        [] => None,
        ["about", "milestone", index] => Some(*index),
        _ => return Err(Stopped::Unclear("about what?".to_owned())),
    };
    let (escrow, milestone) = about(world, index).await?;
    if let Some(milestone) = milestone {
        body["milestoneId"] = json!(milestone.to_string());
    }
    body["resolvedBy"] = json!("the operator");
    let path = format!("/payment-intents/{}/escrow/dispute/resolve", escrow.id);
    Ok(status(&world.call(By::Merchant, "POST", &path, body).await?))
}

async fn send(world: &World, who: Who, action: &str, act: Act<'_>, mut body: Value) -> Printed {
    let intent = world.intent()?;
    let answer = match who {
        Who::Merchant => {
            world.call(By::Merchant, "POST", &format!("/payment-intents/{intent}/escrow/{action}"), body).await
        }
        Who::Payer => {
            let path = format!("/payment-intents/public/{intent}/{action}");
            let by = if world.token.is_some() { By::Bearer } else { By::Anyone };
            if by == By::Anyone {
                body["signature"] = json!(world.sign_act(act));
                body["payerAddress"] = json!(world.payer());
            }
            world.call(by, "POST", &path, body).await
        }
    };
    Ok(status(&answer?))
}

const fn label(who: Who) -> &'static str {
    match who {
        Who::Payer => "the payer",
        Who::Merchant => "the merchant",
    }
}

async fn about(world: &World, index: Option<&str>) -> Result<(Escrow, Option<MilestoneId>), Stopped> {
    match index {
        None => Ok((world.escrow().await?, None)),
        Some(index) => milestone(world, index).await.map(|(escrow, id)| (escrow, Some(id))),
    }
}
