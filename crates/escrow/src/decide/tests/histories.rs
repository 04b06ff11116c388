//! Random histories of larger worlds: more milestones, odd amounts, fees, and a clock that jumps both ways.

use proptest::prelude::*;

use super::explore::check_decision;
use super::world::{World, complete, confirm, milestone_id, new_milestone, receive, terms};
use crate::command::Command;
use crate::ledger::Rail;
use crate::rejection::Rejection;
use crate::terms::{Mode, Terms};

/// One thing that somebody tries; numbers pick among what is there.
#[derive(Clone, Debug)]
enum Attempt {
    Wait(i64),
    Add { index: u32, minor: i64 },
    Complete(usize),
    Release(usize),
    Delete(usize),
    Timer(usize),
    Confirm,
    Fail(usize),
    Receive(i64),
    Cancel,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let attempt = prop_oneof![
        2 => (-20_000..700_000_000_i64).prop_map(Attempt::Wait),
        6 => (0..12_u32, 1..40_000_000_i64).prop_map(|(index, minor)| Attempt::Add { index, minor }),
        8 => (0..12_usize).prop_map(Attempt::Complete),
        3 => (0..12_usize).prop_map(Attempt::Release),
        1 => (0..12_usize).prop_map(Attempt::Delete),
        8 => (0..64_usize).prop_map(Attempt::Timer),
        1 => Just(Attempt::Confirm),
        1 => (0..3_usize).prop_map(Attempt::Fail),
        2 => prop_oneof![Just(100_000_000_i64), 1..200_000_000_i64].prop_map(Attempt::Receive),
        1 => Just(Attempt::Cancel),
    ];
    prop::collection::vec(attempt, 1..60)
}

/// The command that an attempt comes to in this world.
fn command(world: &World, attempt: &Attempt) -> Option<Command> {
    let milestones = world.state.milestones();
    let pick =
        |place: usize| milestones.get(place % milestones.len().max(1)).map(|milestone| milestone.id.raw().bits());
    match attempt {
        Attempt::Wait(_) => None,
        Attempt::Add { index, minor } => {
            let amount = crate::money::decimal(*minor, crate::Currency::Usdc);
            Some(Command::AddMilestone(new_milestone(1 + milestones.len() as u128, *index, &amount)))
        }
        Attempt::Complete(place) => pick(*place).map(complete),
        Attempt::Release(place) => pick(*place).map(|id| Command::ReleaseMilestone(milestone_id(id), None)),
        Attempt::Delete(place) => pick(*place).map(|id| Command::DeleteMilestone(milestone_id(id))),
        Attempt::Timer(place) => timer(world, *place),
        Attempt::Confirm => Some(confirm(world.state.revision)),
        Attempt::Fail(place) => {
            let payment = world.state.payments.get(*place).map(|payment| payment.id);
            Some(Command::FailPayment(payment, "the rail refused it".to_owned()))
        }
        Attempt::Receive(minor) => {
            Some(receive(Rail::Evm, Some(&crate::money::decimal(*minor, crate::Currency::Usdc))))
        }
        Attempt::Cancel => Some(Command::Cancel),
    }
}

fn timer(world: &World, place: usize) -> Option<Command> {
    use crate::duty::Duty;
    let duties = world.state.duties();
    let (duty, _) = duties.get(place % duties.len().max(1))?;
    Some(match duty {
        Duty::StartSettlement(id) => Command::StartSettlement(*id),
        Duty::PayOut(id) => Command::ConfirmSettlement(*id, "paid".to_owned()),
        Duty::PayBack(id) => Command::ConfirmRefund(*id, "repaid".to_owned()),
        Duty::Finalize => Command::Finalize,
        Duty::AwaitPayment(id) => Command::SettlePayment(*id),
    })
}

proptest! {
    #[test]
    fn no_history_breaks_a_promise(
        history in attempts(),
        live: bool,
        auto_release: bool,
        fee_basis_points in prop_oneof![Just(0_u16), 0..=10_000_u16],
    ) {
        let mode = if live { Mode::Live } else { Mode::Sandbox };
        let mut world = World::in_mode(mode, Terms { auto_release, fee_basis_points, ..terms() }, &[]);
        for attempt in &history {
            if let Attempt::Wait(ms) = attempt {
                world.now_ms += ms;
            }
            let Some(command) = command(&world, attempt) else { continue };
            let before = world.state.clone();
            match world.run(command) {
                Ok(decision) => check_decision(&before, &decision),
                Err(rejection) => {
                    let is_defect = matches!(rejection, Rejection::Broken(_));
                    prop_assert!(!is_defect, "{rejection}");
                    prop_assert_eq!(&world.state, &before, "a refusal changes nothing");
                }
            }
        }
    }
}
