//! What is drawn on several pages.

mod badge;
mod bar;
mod dispute;
mod money;
mod outside;
mod period;
mod time;
mod track;

pub(super) use badge::{Tone, badge};
pub(super) use bar::{Segment, bar};
pub(super) use dispute::{dispute, disputed};
pub(super) use money::{grouped, money};
pub(super) use outside::link;
pub(super) use period::period;
pub(super) use time::{at, at_seconds};
pub(super) use track::{Mark, Step, track};
