//! The promises of the decision: the table in its documentation, the invariants over every state of a small world and over
//! random histories of larger ones, and the refusals in their documented order.

mod explore;
mod histories;
mod payments;
mod refusals;
mod table;
mod world;
