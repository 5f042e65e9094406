//! The chain of audit rows: each carries a SHA-256 over the one before it and over all of its own columns, so that no
//! row can be changed, dropped, moved or slipped in without all that follow being written anew.
//!
//! Deliberately absent: a key. Whoever can write the whole database can write a whole chain; a hash that was noted
//! elsewhere shows that, too.

use super::records::Digest;
use crate::text;

/// What the encoding of a row begins with; another form of it would begin with another number.
const VERSION: &[u8] = b"cambist-audit-1";
/// What stands for a column without a value, where others have their length.
const ABSENT: u32 = u32::MAX;

/// A place in the chain of one tenant: the last row before it. The chain begins at 0 with a hash of zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The row's id.
    pub id: i64,
    /// The row's hash.
    pub hash: Digest,
}

/// The columns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the table names them")]
pub struct Columns<'a> {
    pub id: i64,
    pub tenant: &'a str,
    pub at_ms: i64,
    pub epoch: i64,
    pub actor: &'a str,
    pub action: &'a str,
    pub kind: &'a str,
    pub object: &'a str,
    pub request: &'a str,
    pub instance: Option<&'a str>,
    pub sequence: Option<i64>,
    pub detail: &'a str,
}

/// What became of looking at rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Rows that fit.
    pub rows: u64,
    /// The last of them.
    pub last: Link,
    /// Whether there is nothing behind it.
    pub is_end: bool,
    /// The first row that does not fit.
    pub broken: Option<Broken>,
}

/// The first row of a chain that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its id; that of the last row there should be, where it is gone.
    pub id: i64,
    /// The row before it, which fits.
    pub after: i64,
    /// What is wrong.
    pub reason: &'static str,
}

// === impl Columns ===

impl Columns<'_> {
    /// The hash of the row behind one with the hash `previous`. `buffer` saves an allocation per row.
    pub fn hash(&self, previous: &Digest, buffer: &mut Vec<u8>) -> Digest {
        let Self {
            id,
            tenant,
            at_ms,
            epoch,
            actor,
            action,
            kind,
            object,
            request,
            instance,
            sequence,
            detail,
        } = *self;
        buffer.clear();
        buffer.extend_from_slice(VERSION);
        buffer.extend_from_slice(previous);
        number(buffer, Some(id));
        bytes(buffer, Some(tenant));
        number(buffer, Some(at_ms));
        number(buffer, Some(epoch));
        for column in [actor, action, kind, object, request] {
            bytes(buffer, Some(column));
        }
        bytes(buffer, instance);
        number(buffer, sequence);
        bytes(buffer, Some(detail));
        text::sha256(buffer)
    }
}

/// A column as its length, big-endian, and its bytes.
fn bytes(buffer: &mut Vec<u8>, column: Option<&str>) {
    let length = column.map_or(ABSENT, |text| u32::try_from(text.len()).unwrap_or(ABSENT));
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(column.unwrap_or_default().as_bytes());
}

fn number(buffer: &mut Vec<u8>, column: Option<i64>) {
    let length = if column.is_some() { 8 } else { ABSENT };
    buffer.extend_from_slice(&length.to_be_bytes());
    if let Some(number) = column {
        buffer.extend_from_slice(&number.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;
    use crate::text;

    const ROW: Columns<'_> = Columns {
        id: 7,
        tenant: "default",
        at_ms: 5,
        epoch: 6,
        actor: "gateway:edge",
        action: "mint",
        kind: "identity",
        object: "idn_a",
        request: "r",
        instance: Some("node/1"),
        sequence: Some(3),
        detail: "{}",
    };

    fn hash(row: Columns<'_>) -> String {
        text::hex(&row.hash(&[1; 32], &mut Vec::new()))
    }

    #[test]
    fn stays_the_same_for_ever() {
        // Computed with Python's hashlib and struct from the same definition.
        assert_eq!(hash(ROW), "bb0609d7e571362f3fd0230e4594d1f385899411777d4784d2e242ce75ae02d4");
    }

    #[test]
    fn every_column_and_the_row_before_count() {
        let others = [
            Columns { id: 8, ..ROW },
            Columns { tenant: "Default", ..ROW },
            Columns { at_ms: 6, ..ROW },
            Columns { epoch: 5, ..ROW },
            Columns { actor: "gateway:edg", ..ROW },
            Columns { action: "denial", ..ROW },
            Columns { kind: "client", ..ROW },
            Columns { object: "", ..ROW },
            Columns { request: "s", ..ROW },
            Columns { instance: None, ..ROW },
            Columns { instance: Some(""), ..ROW },
            Columns { sequence: None, ..ROW },
            Columns { sequence: Some(4), ..ROW },
            Columns { detail: "{ }", ..ROW },
            // A boundary that moves.
            Columns { object: "idn_ar", request: "", ..ROW },
        ];
        let mut hashes: Vec<String> = others.into_iter().map(hash).collect();
        hashes.push(hash(ROW));
        hashes.push(text::hex(&ROW.hash(&[2; 32], &mut Vec::new())));
        let all = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }
}
