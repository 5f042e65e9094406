//! Reading wire objects from JSON values.
//!
//! serde's derived readers are compiled once for every type and every reader, which was a fifth of the module; here a
//! type only lists its members, and everything else is there once. Reading is strict: unknown members are refused, and
//! a fault names its place and never quotes a value, which may be a secret. The derived readers serve the control plane;
//! a test holds the two to the same judgement.

mod faults;
mod members;
#[cfg(test)]
mod tests;
mod values;

use alloc::{format, string::String};

use serde_json::Value;

pub use self::{
    faults::Unreadable,
    members::{Members, single},
};
use crate::json;

/// A type that can be read from a JSON value.
pub trait Readable: Sized {
    /// Reads it. Unknown members are refused, and so is `null` for what is not optional.
    fn read(value: Value) -> Result<Self, Unreadable>;
}

/// Reads one JSON document and nothing after it, as strictly as [`json::parse`].
pub fn read<T: Readable>(bytes: &[u8]) -> Result<T, Unreadable> {
    match json::parse(bytes) {
        Ok(value) => T::read(value),
        Err(_) => Err(Unreadable::new(ill_formed(bytes))),
    }
}

/// What is wrong with a text that is no JSON document in the strict sense.
fn ill_formed(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => String::from("a member is there twice, or the nesting is deeper than 64"),
        // Syntax alone: it tells the place, and no value.
        Err(error) => format!("is no JSON: {error}"),
    }
}

/// Lists the members of an object: `name` is required, `[name]` may be absent and has the default of its type,
/// `[name = value]` another one.
#[doc(hidden)]
#[macro_export]
macro_rules! readable_object {
    ($type:ty { $($member:tt),* $(,)? }) => {
        impl $crate::wire::reading::Readable for $type {
            fn read(
                value: serde_json::Value,
            ) -> Result<Self, $crate::wire::reading::Unreadable> {
                let mut members = $crate::wire::reading::Members::of(value)?;
                $($crate::readable_member!(members $member);)*
                members.end(&[$($crate::readable_member!(name $member)),*])?;
                Ok($crate::readable_object!(@ {} $($member)*))
            }
        }
    };
    (@ {$($done:ident)*} [$name:ident $(= $default:expr)?] $($rest:tt)*) => {
        $crate::readable_object!(@ {$($done)* $name} $($rest)*)
    };
    (@ {$($done:ident)*} $name:ident $($rest:tt)*) => {
        $crate::readable_object!(@ {$($done)* $name} $($rest)*)
    };
    (@ {$($done:ident)*}) => {
        Self { $($done),* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! readable_member {
    (name [$name:ident $(= $default:expr)?]) => {
        stringify!($name)
    };
    (name $name:ident) => {
        stringify!($name)
    };
    ($members:ident [$name:ident]) => {
        let $name = $members.optional(stringify!($name))?.unwrap_or_default();
    };
    ($members:ident [$name:ident = $default:expr]) => {
        let $name = match $members.optional(stringify!($name))? {
            Some(value) => value,
            None => $default,
        };
    };
    ($members:ident $name:ident) => {
        let $name = $members.required(stringify!($name))?;
    };
}

/// Lists the names of a choice.
#[doc(hidden)]
#[macro_export]
macro_rules! readable_choice {
    ($type:ty { $($variant:ident: $name:literal),* $(,)? }) => {
        impl $crate::wire::reading::Readable for $type {
            fn read(
                value: serde_json::Value,
            ) -> Result<Self, $crate::wire::reading::Unreadable> {
                const NAMES: &[&str] = &[$($name),*];
                match $crate::wire::reading::Unreadable::choose(&value, NAMES)? {
                    $($name => Ok(Self::$variant),)*
                    _ => Err($crate::wire::reading::Unreadable::choice(NAMES)),
                }
            }
        }
    };
}
