//! `/dashboard/clock`: the clock of the sandbox, which can be moved forward.

use maud::html;
use serde_json::{Value, json};

use super::act::{Action, actions};
use super::desk::Desk;
use super::field::{Attempt, Field};
use super::read::Clock;
use super::screen::{Screen, View};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::{at, period};

const PART: &str = "/dashboard/clock";

/// The steps that are offered: how many seconds, and what they are called.
const STEPS: [(i64, &str); 5] =
    [(60, "a minute"), (3_600, "an hour"), (86_400, "a day"), (604_800, "a week"), (2_592_000, "30 days")];

/// The clock.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// Moves it forward.
pub(super) async fn advance(desk: Desk, form: Form) -> Result<View, Refusal> {
    let seconds = form.text("advance").map_or(Value::Null, |text| json!(text));
    match desk.post::<Value>(&form, "/test-helpers/clock", json!({ "advance": seconds })).await {
        Ok(_) => Ok(View::Go(PART.to_owned())),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let clock: Clock = desk.one("/test-helpers/clock").await?;
    let steps = STEPS.map(|(seconds, called)| (seconds.to_string(), format!("By {called}")));
    let by = |id: &str, field: Field, name: &str| {
        Action::new(id, name, PART)
            .explained(html! { "Everything timed follows, in its order: time locks, approvals, disputes, settlements. It can not be moved back." })
            .button("Move the clock forward")
            .fields([field])
    };
    let choice =
        Field::choice("advance", "By how much", steps.iter().map(|(value, name)| (value.as_str(), name.as_str())));
    let offered = [
        by("step", choice.required(), "Move the clock forward"),
        by("seconds", Field::line("advance", "Seconds").required(), "Move it by so many seconds"),
    ];
    let content = html! {
        p.amount { (at(&clock.now_at)) }
        p {
            @if clock.advanced_by_seconds == 0 { "The clock of this sandbox shows the real time." }
            @else { "The clock of this sandbox is " (period(clock.advanced_by_seconds)) " ahead of the real time." }
        }
        (actions(desk, &offered, attempt.as_ref()))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "Clock", content).refusing(refusal).into()
}
