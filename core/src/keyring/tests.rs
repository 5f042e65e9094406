//! The life of key sets under a simulated clock.
#![expect(clippy::arithmetic_side_effects, reason = "a test whose arithmetic overflows fails, as it should")]

mod answers;
mod board;
mod clock;
mod companions;
mod failures;
mod policies;
mod process;
mod reports;
mod ring;
mod schedule;
mod sharing;
mod sources;
mod unknown_kid;
