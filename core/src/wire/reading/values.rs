//! Texts, numbers, lists and what may be absent.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use serde_json::{Number, Value};

use super::{Readable, Unreadable};

impl Readable for Value {
    fn read(value: Value) -> Result<Self, Unreadable> {
        Ok(value)
    }
}

impl Readable for String {
    fn read(value: Value) -> Result<Self, Unreadable> {
        if let Value::String(text) = value { Ok(text) } else { Err(Unreadable::new("must be a string")) }
    }
}

impl Readable for bool {
    fn read(value: Value) -> Result<Self, Unreadable> {
        value.as_bool().ok_or_else(|| Unreadable::new("must be true or false"))
    }
}

impl Readable for u32 {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let number = value.as_u64().and_then(|number| Self::try_from(number).ok());
        number.ok_or_else(|| Unreadable::new("must be a whole number from 0 to 4294967295"))
    }
}

impl Readable for u64 {
    fn read(value: Value) -> Result<Self, Unreadable> {
        value.as_u64().ok_or_else(|| Unreadable::new("must be a whole number, 0 or more"))
    }
}

impl Readable for i64 {
    fn read(value: Value) -> Result<Self, Unreadable> {
        value.as_i64().ok_or_else(|| Unreadable::new("must be a whole number"))
    }
}

impl Readable for Number {
    fn read(value: Value) -> Result<Self, Unreadable> {
        if let Value::Number(number) = value { Ok(number) } else { Err(Unreadable::new("must be a number")) }
    }
}

impl<T: Readable> Readable for Option<T> {
    fn read(value: Value) -> Result<Self, Unreadable> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Readable> Readable for Box<T> {
    fn read(value: Value) -> Result<Self, Unreadable> {
        T::read(value).map(Self::new)
    }
}

impl<T: Readable> Readable for Vec<T> {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let Value::Array(items) = value else { return Err(Unreadable::new("must be a JSON array")) };
        let mut values = Self::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            values.push(T::read(item).map_err(|fault| fault.at(index))?);
        }
        Ok(values)
    }
}

impl<T: Readable> Readable for BTreeMap<String, T> {
    fn read(value: Value) -> Result<Self, Unreadable> {
        let Value::Object(members) = value else { return Err(Unreadable::new("must be a JSON object")) };
        let mut values = Self::new();
        for (name, value) in members {
            let value = T::read(value).map_err(|fault| fault.within(&name))?;
            values.insert(name, value);
        }
        Ok(values)
    }
}
