//! Compiling: every fault with its place, all at once; lines, documents and secrets.

mod accesses;
mod documents;
mod externals;
mod faults;
mod lines;
mod outputs;
mod parties;
mod row;
mod secrets;
mod sources;
