//! Scenario files: prose, steps that begin with `> `, and below each step, indented, what it prints.

use std::fmt::Write;

use crate::steps::{self, Stopped};
use crate::world::World;

const STEP: &str = "> ";
const PRINTED: &str = "  ";

/// How the answer to a card that was declined begins.
const DECLINED: &str = "refused: 400 payment_failed";

/// How many lines a difference shows before where it begins, and at most of each side from there on.
const LINES_BEFORE: usize = 4;
const LINES_FROM: usize = 8;

/// A scenario without what its steps print.
pub(crate) struct Script {
    lines: Vec<Line>,
}

enum Line {
    /// A step, and its line in the file.
    Step(String, usize),
    /// Prose, or nothing.
    Prose(String),
}

impl Script {
    /// Reads a file; an error begins with the number of its line.
    pub(crate) fn read(text: &str) -> Result<Script, String> {
        if !text.starts_with("# ") {
            return Err("1: a scenario begins with its title, \"# …\"".to_owned());
        }
        let mut lines = Vec::new();
        let mut is_told = false;
        for (index, line) in text.lines().enumerate() {
            if let Some(step) = line.strip_prefix(STEP) {
                is_told = true;
                lines.push(Line::Step(step.to_owned(), index + 1));
            } else if !(is_told && line.starts_with(PRINTED)) {
                lines.push(Line::Prose(line.to_owned()));
            }
        }
        if is_told { Ok(Script { lines }) } else { Err("1: nothing happens: a step begins with \"> \"".to_owned()) }
    }

    /// Plays it, and gives the whole file as it happened. After every step all that is due is done, and every invariant holds,
    /// as `milepost verify` checks them. An error begins with the number of its line.
    pub(crate) async fn play(&self, world: &mut World) -> Result<String, String> {
        let mut happened = String::new();
        for line in &self.lines {
            let (step, number) = match line {
                Line::Step(step, number) => (step, number),
                Line::Prose(prose) => {
                    happened.push_str(prose);
                    happened.push('\n');
                    continue;
                }
            };
            let before = world.everything().await;
            let printed = match steps::take(world, step).await {
                Ok(printed) => printed,
                Err(Stopped::Refused(why)) => {
                    // That a card was declined is a fact that stays, though the payer hears it as an error.
                    let is_fact = why.starts_with(DECLINED);
                    if !is_fact && world.everything().await != before {
                        return Err(format!("{number}: the step was refused and still changed something: {why}"));
                    }
                    vec![why]
                }
                Err(Stopped::Unclear(why)) => return Err(format!("{number}: {why}: {STEP}{step}")),
            };
            world.rest().await;
            world.verify().await.map_err(|broken| format!("{number}: after this step, {broken}"))?;
            writeln!(happened, "{STEP}{step}").expect("memory");
            for line in printed {
                writeln!(happened, "{PRINTED}{}", line.trim_end()).expect("memory");
            }
        }
        Ok(happened)
    }
}

/// Where a text differs from another first: the number of the line, and what stands there in both.
pub(crate) fn difference(old: &str, new: &str) -> Option<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    if old == new {
        return None;
    }
    let mut shown = format!("{}\n", same + 1);
    let numbered = |sign, lines: &[&str], from: usize, count| {
        let lines = lines.iter().enumerate().skip(from).take(count);
        lines.fold(String::new(), |all, (index, line)| format!("{all}{sign} {:4} | {line}\n", index + 1))
    };
    let context = same.min(LINES_BEFORE);
    let others = before.iter().zip(&after).skip(same).take_while(|(old, new)| old != new).count();
    // Where one of them ends, the rest of the other is what differs.
    let count = if others == 0 { LINES_FROM } else { others.min(LINES_FROM) };
    shown.push_str(&numbered(' ', &before, same - context, context));
    shown.push_str(&numbered('-', &before, same, count));
    shown.push_str(&numbered('+', &after, same, count));
    Some(shown)
}
