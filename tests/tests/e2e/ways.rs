//! The three ways to mint: the same cases for each, and what only an external token endpoint can do wrong.

mod external;
mod lives;
mod site;
