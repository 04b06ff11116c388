//! What the operator sees and does.

pub(super) mod disputes;
pub(super) mod jobs;
pub(super) mod merchants;
pub(super) mod settlements;
pub(super) mod verify;
