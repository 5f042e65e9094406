use super::{Host, Reach, host, is_local_name, reach};

fn denied(text: &str, allow_private: bool) -> bool {
    reach(text.parse().unwrap()).denial(allow_private).is_some()
}

#[test]
fn public_addresses_are_reached() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2600::1",
        "2a00:1450::1",
        "2001:200::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ] {
        assert_eq!(reach(text.parse().unwrap()), Reach::Public, "{text}");
    }
}

#[test]
fn private_addresses_are_reached_only_where_that_is_allowed() {
    for text in [
        "127.0.0.1",
        "127.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.0.0",
        "192.168.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "198.18.0.1",
        "::1",
        "fc00::1",
        "fdff::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "2002:a00:1::",
        "2002:7f00:1::1",
        "2002:c0a8:101::1",
    ] {
        assert!(denied(text, false), "{text}");
        assert!(!denied(text, true), "{text}");
    }
}

#[test]
fn metadata_and_other_ranges_are_never_reached() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.0.1",
        "168.63.129.16",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd00:ec2::253",
        "fd20:ce::254",
        "2001:db8::1",
        "3fff:fff::1",
        "2001::1",
        "2001:20::1",
        "100::1",
        "64:ff9b:1::a00:1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::ffff:100.100.100.200",
        "::ffff:0:7f00:1",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "4000::1",
    ] {
        assert!(denied(text, true), "{text}");
    }
}

#[test]
fn odd_spellings_of_addresses_are_neither_names_nor_addresses() {
    for text in [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "127.0.0.01",
        "0177.0.0.1",
        "1.2.3.4.5",
        "127.0.0.1.",
        "a.0x",
        "256.0.0.1",
        "[::1%1]",
        "[1.2.3.4]",
        "",
    ] {
        assert_eq!(host(text), Host::Ambiguous, "{text}");
    }
    assert_eq!(host("127.0.0.1"), Host::Literal("127.0.0.1".parse().unwrap()));
    assert_eq!(host("[::ffff:7f00:1]"), Host::Literal("::ffff:127.0.0.1".parse().unwrap()));
    assert_eq!(host("issuer.example."), Host::Name("issuer.example"));
    assert_eq!(host("1.2.3.4.nip.io"), Host::Name("1.2.3.4.nip.io"));
    assert_eq!(host("0xyz"), Host::Name("0xyz"));
}

#[test]
fn knows_names_that_mean_this_machine() {
    for name in ["localhost", "a.localhost", "metadata.google.internal"] {
        assert!(is_local_name(name), "{name}");
    }
    assert!(!is_local_name("issuer.example"));
}
