//! What an event happens to: an intent that is made for it, or one that was named and must be fit for it.

use escrow::{PaymentType, ReleaseType, SettlementMethod};
use serde_json::{Value, json};
use store::KeyKind;

use super::job::{Job, Order};
use super::recipe::Stage;

/// What an intent is over that is made for an event.
pub(super) const AMOUNT: &str = "100.00";

/// What it is over, for its currency.
pub(super) const CURRENCY: &str = "USDC";

/// The share of its first milestone: some of it is left for another one.
const SHARE: &str = "60.00";

impl Stage {
    /// Whether it may be an intent that is there already; else why not.
    pub(super) const fn takes_named(self) -> Result<(), &'static str> {
        match self {
            Stage::Intent | Stage::Order | Stage::Delivery | Stage::Milestones | Stage::Approvals | Stage::TimeLock => {
                Ok(())
            }
            Stage::New => Err("it happens once, when an intent is created"),
            Stage::Keys => Err("it is about API keys, and not about a payment intent"),
            Stage::Merchants => Err("it is about merchants, and not about a payment intent"),
            Stage::Endpoints => Err("it is about webhook endpoints, and not about a payment intent"),
        }
    }

    /// Whether keys of this kind can make it happen; else which can.
    pub(super) const fn takes_key(self, kind: KeyKind) -> Result<(), &'static str> {
        let is_operators = match self {
            Stage::Merchants => true,
            Stage::New
            | Stage::Intent
            | Stage::Order
            | Stage::Delivery
            | Stage::Milestones
            | Stage::Approvals
            | Stage::TimeLock
            | Stage::Keys
            | Stage::Endpoints => false,
        };
        match (is_operators, kind) {
            (true, KeyKind::Admin) | (false, KeyKind::Test | KeyKind::Hackathon) => Ok(()),
            (true, KeyKind::Test | KeyKind::Hackathon | KeyKind::Live) => Err(
                "only the operator makes it happen, with an admin key, sk_admin_…: see `milepost keys create --help`",
            ),
            (false, KeyKind::Live | KeyKind::Admin) => {
                Err("it is made to happen in a sandbox only, with a key sk_test_… or sk_hackathon_…")
            }
        }
    }

    /// The body of the request that makes an intent for it, where it is one. `now_s` is the time of the sandbox.
    pub(super) fn intent(self, now_s: i64) -> Option<Value> {
        let (release_type, more) = match self {
            Stage::Keys | Stage::Merchants | Stage::Endpoints => return None,
            Stage::New | Stage::Intent | Stage::Order | Stage::Delivery => {
                (ReleaseType::DeliveryProof, json!({"autoRelease": true}))
            }
            Stage::Milestones => (ReleaseType::MilestoneLocked, json!({"autoRelease": true, "milestones": first()})),
            Stage::Approvals => (ReleaseType::MilestoneLocked, json!({"requireApproval": true, "milestones": first()})),
            Stage::TimeLock => (ReleaseType::TimeLocked, json!({"timeLockUntil": now_s})),
        };
        let mut body = json!({
            "amount": AMOUNT,
            "currency": CURRENCY,
            "type": PaymentType::DeliveryVsPayment.name(),
            "releaseType": release_type.name(),
            "settlementMethod": SettlementMethod::OffRampMock.name(),
            "settlementDestination": "bank_account_123",
            "description": "milepost trigger",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        Some(body)
    }

    /// Whether an intent that was named is fit for it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn admit(self, job: &Job) -> Result<(), String> {
        match (self, &job.order) {
            (Stage::New | Stage::Intent | Stage::Keys | Stage::Merchants | Stage::Endpoints, _)
            | (Stage::Order, Some(_)) => Ok(()),
            (Stage::Order | Stage::Delivery | Stage::Milestones | Stage::Approvals | Stage::TimeLock, None) => {
                Err(format!("its type is {}, which has no escrow order", PaymentType::ConsentedPull))
            }
            (Stage::Delivery, Some(order)) => match order.release_type {
                ReleaseType::DeliveryProof | ReleaseType::AutoRelease | ReleaseType::TimeLocked => Ok(()),
                ReleaseType::MilestoneLocked => {
                    Err("its milestones are completed one by one, without a proof".to_owned())
                }
            },
            (Stage::Milestones, Some(order)) => released_by(order, ReleaseType::MilestoneLocked),
            (Stage::Approvals, Some(order)) => {
                released_by(order, ReleaseType::MilestoneLocked)?;
                if order.releases_by_itself && order.waiting().is_none() {
                    return Err("its milestones are released as soon as they are completed (autoRelease)".to_owned());
                }
                Ok(())
            }
            (Stage::TimeLock, Some(order)) => {
                released_by(order, ReleaseType::TimeLocked)?;
                if order.is_over() { Err("nothing of it is held any more".to_owned()) } else { Ok(()) }
            }
        }
    }
}

/// The first milestone of an intent.
fn first() -> Value {
    json!([{"milestoneIndex": 0, "amount": SHARE, "description": "The first half and a little more"}])
}

fn released_by(order: &Order, wanted: ReleaseType) -> Result<(), String> {
    if order.release_type == wanted {
        return Ok(());
    }
    Err(format!("its releaseType is {}, and not {wanted}", order.release_type))
}
