//! A gateway process: several VMs, one clock, one board.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::cell::{Cell, RefCell};

use super::ring::{EVEN, ISSUER, Said, jwks, policy_of};
use crate::{
    fixture::{NOW, Signer},
    jose::alg::Alg,
    keyring::{Board, Fetch, Fetched, Keyring, Lookup, Progress, Sharing, UNWRITTEN},
    policy::Policy,
    time::Timestamp,
    wire::snapshot::Issuer,
};

pub(super) const TOKEN: &[u8] = b"gw_0123456789";

/// The host's shared data.
#[derive(Default)]
pub(super) struct Table {
    pub(super) values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    writes: Cell<u32>,
    /// Takes no write.
    pub(super) is_stuck: Cell<bool>,
    /// So many reads of keys still see what was there before anything was written.
    pub(super) stale_reads: Cell<u32>,
}

/// The VMs of one gateway.
pub(super) struct Process {
    pub(super) table: Table,
    pub(super) vms: Vec<Keyring>,
    pub(super) now: Timestamp,
    pub(super) policy: Policy,
    started: u8,
}

impl Board for Table {
    fn read(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        if name.ends_with("/keys") && self.stale_reads.get() > 0 {
            self.stale_reads.set(self.stale_reads.get() - 1);
            return None;
        }
        self.values.borrow().get(name).cloned()
    }

    fn write(&self, name: &str, value: &[u8], seen: u32) -> bool {
        assert!(seen != 0, "an unconditional write");
        let mut values = self.values.borrow_mut();
        let is_last = values.get(name).is_none_or(|(_, number)| *number == seen);
        if is_last && !self.is_stuck.get() {
            self.writes.set(self.writes.get() + 1);
            values.insert(name.into(), (value.into(), self.writes.get()));
        }
        is_last && !self.is_stuck.get()
    }
}

impl Table {
    /// Writes whatever is there, as any plugin of the process may.
    pub(super) fn forge(&self, suffix: &str, change: impl Fn(&mut Vec<u8>)) {
        let names: Vec<_> =
            self.values.borrow().keys().filter(|name| name.ends_with(suffix)).cloned().collect();
        assert!(!names.is_empty(), "nothing to forge");
        for name in names {
            let (mut value, seen) = self.values.borrow()[&name].clone();
            change(&mut value);
            assert!(self.write(&name, &value, seen));
        }
    }

    pub(super) fn value(&self, suffix: &str) -> Vec<u8> {
        let values = self.values.borrow();
        let mut found = values.iter().filter(|(name, _)| name.ends_with(suffix));
        found.next().expect("a value").1.0.clone()
    }
}

impl Process {
    pub(super) fn new(vms: usize, issuer: Issuer) -> Self {
        Self::with(vms, [issuer].into())
    }

    pub(super) fn with(vms: usize, issuers: Vec<Issuer>) -> Self {
        let mut process = Self {
            table: Table::default(),
            vms: Vec::new(),
            now: Timestamp::from_secs(NOW),
            policy: policy_of(issuers),
            started: 0,
        };
        for _ in 0..vms {
            process.start();
        }
        process
    }

    /// One whose VMs all have key 1.
    pub(super) fn warm(vms: usize, issuer: Issuer) -> Self {
        let mut process = Self::new(vms, issuer);
        process.fetch(&[1]);
        process
    }

    /// Starts another VM; its place.
    pub(super) fn start(&mut self) -> usize {
        self.started += 1;
        let mut keyring = Keyring::default();
        keyring.share(Some(Sharing::new(TOKEN, "edge", [self.started; 16])));
        keyring.adopt(&self.policy, self.now);
        self.vms.push(keyring);
        self.vms.len() - 1
    }

    pub(super) fn pass_millis(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    pub(super) fn tick(&mut self, vm: usize) -> Vec<Fetch> {
        self.vms[vm].attend(&self.table, self.now).fetches
    }

    /// A tick of every VM; the fetches that begin, with the VM of each.
    pub(super) fn tick_all(&mut self) -> Vec<(usize, Fetch)> {
        let ticks = 0..self.vms.len();
        ticks
            .flat_map(|vm| self.tick(vm).into_iter().map(move |fetch| (vm, fetch)).collect::<Vec<_>>())
            .collect()
    }

    /// The one fetch of a tick of all.
    pub(super) fn one_fetch(&mut self) -> (usize, Fetch) {
        let mut fetches = self.tick_all();
        assert_eq!(fetches.len(), 1, "fetches");
        fetches.remove(0)
    }

    pub(super) fn conclude(&mut self, vm: usize, fetch: &Fetch, fetched: Fetched<'_>) -> Progress {
        self.vms[vm].conclude(&self.table, &fetch.issuer, fetch.ticket, fetched, self.now, EVEN)
    }

    pub(super) fn answer(&mut self, vm: usize, fetch: &Fetch, body: &str) -> Progress {
        self.conclude(vm, fetch, Fetched::Answer { status: 200, body: body.as_bytes(), max_age: None })
    }

    /// One fetch of these keys by whoever comes first, which all of them have a tick later.
    pub(super) fn fetch(&mut self, numbers: &[u8]) {
        let (vm, fetch) = self.one_fetch();
        let _ = self.answer(vm, &fetch, &jwks(numbers));
        assert!(self.tick_all().is_empty(), "a second fetch");
        for vm in 0..self.vms.len() {
            assert!(numbers.iter().all(|number| self.holds(vm, *number)), "VM {vm}");
        }
    }

    pub(super) fn holds(&self, vm: usize, number: u8) -> bool {
        let kid = Signer::numbered(number).kid;
        self.vms[vm].current(ISSUER, self.now).is_some_and(|set| set.has_kid(&kid))
    }

    pub(super) fn look_up(&mut self, vm: usize, number: u8) -> Said {
        self.look_up_from(vm, number, self.now)
    }

    pub(super) fn look_up_from(&mut self, vm: usize, number: u8, arrived: Timestamp) -> Said {
        let issuer = self.policy.issuer(ISSUER).expect("the issuer");
        let kid = Signer::numbered(number).kid;
        match self.vms[vm].lookup(issuer, Some(&kid), Alg::Es256, arrived, self.now) {
            Lookup::Keys(_) => Said::Keys,
            Lookup::Wait => Said::Wait,
            Lookup::UnknownKid => Said::UnknownKid,
            Lookup::Unavailable => Said::Unavailable,
        }
    }

    /// Records and leases that some VM found to be none.
    pub(super) fn invalid(&mut self) -> u64 {
        self.vms.iter_mut().map(Keyring::take_invalid).sum()
    }
}

#[test]
fn the_table_writes_as_the_host_does() {
    let table = Table::default();
    assert!(table.write("a", b"1", UNWRITTEN));
    assert!(!table.write("a", b"2", UNWRITTEN));
    let (_, seen) = table.read("a").unwrap();
    assert!(table.write("a", b"2", seen));
    assert!(!table.write("a", b"3", seen));
}
