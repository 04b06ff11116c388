//! How long a call and its parts may take. What it may read is limited where it is read.

use escrow::Span;

/// How long a call may take, from the lookup of the name to the last byte of the answer that is read.
pub const WEBHOOK_TIMEOUT: Span = Span::from_seconds(15);

/// How long one address of an endpoint may take to be connected to, so that there is time for the next.
const CONNECT_TIMEOUT: Span = Span::from_seconds(5);

/// How long the body of an answer is waited for, once its status is known.
const BODY_TIMEOUT: Span = Span::from_seconds(1);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A call.
    pub(super) call: Span,
    /// A connection to one address.
    pub(super) connect: Span,
    /// The body of an answer.
    pub(super) body: Span,
}

impl Limits {
    /// What holds outside tests.
    pub(super) const STANDARD: Limits = Limits { call: WEBHOOK_TIMEOUT, connect: CONNECT_TIMEOUT, body: BODY_TIMEOUT };

    /// How long a body may be waited for when so much of the call's time is spent.
    pub(super) const fn left_for_body(&self, spent: Span) -> Span {
        let left = Span::from_ms(self.call.ms().saturating_sub(spent.ms()));
        if left.ms() < self.body.ms() { left } else { self.body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_waited_for_within_the_time_of_its_call() {
        for (spent_ms, left_ms) in
            [(0, 1_000), (13_999, 1_000), (14_000, 1_000), (14_900, 100), (15_000, 0), (16_000, 0)]
        {
            assert_eq!(Limits::STANDARD.left_for_body(Span::from_ms(spent_ms)), Span::from_ms(left_ms), "{spent_ms}");
        }
    }
}
