//! Patterns cover the whole string, and neither they nor the string can take long.

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    super::pattern::{MAX_PATTERN_BYTES, MAX_SUBJECT_BYTES, Pattern},
    Truth::{False, True, Unknown},
};

#[test]
fn a_pattern_covers_the_whole_string() {
    for (pattern, good, bad) in [
        ("a|b", &["a", "b"][..], &["ab", "ax", "xb", "aa", ""][..]),
        ("a|ab", &["a", "ab"], &["abb", "b"]),
        ("", &[], &[]),
        ("refs/heads/.*", &["refs/heads/", "refs/heads/main"], &["x/refs/heads/main", "refs/heads/a\nb"]),
        ("^a$", &["a"], &["a\n", "\na", "ba"]),
        ("a$|^b", &["a", "b"], &["ab", "xa", "bx"]),
        ("(?m)^a$", &["a"], &["a\nb", "b\na", "a\n"]),
        ("(?i)prod", &["prod", "PROD"], &["prod2"]),
        ("(?s).*", &["", "a\nb"], &[]),
        ("a??", &["", "a"], &["aa"]),
        (r"team-\d{1,3}", &["team-1", "team-123"], &["team-1234", "team-", "team-\u{661}"]),
        ("(a|b)*c|d", &["abc", "c", "d"], &["abcd", "dd", "ab"]),
    ] {
        if pattern.is_empty() {
            assert!(Pattern::compile(pattern).is_err());
            continue;
        }
        let compiled = Pattern::compile(pattern).unwrap();
        for subject in good {
            assert_eq!(compiled.matches(subject), True, "{pattern:?} {subject:?}");
        }
        for subject in bad {
            assert_eq!(compiled.matches(subject), False, "{pattern:?} {subject:?}");
        }
    }
}

#[test]
fn no_pattern_breaks_out_of_its_anchors() {
    for pattern in [
        "a)|(?:b",
        "a)|b|(?:c",
        ")",
        "(",
        "a)(",
        "(?:a",
        "*a",
        "+",
        "a)\\z|(?:.*",
        "[a",
        "a\\",
        "(?x)a#",
        "(?x)a #)|(.*",
        "a{2",
        "(?",
        "(?P<n>a",
        "\\Q)",
        "a**)",
    ] {
        assert!(Pattern::compile(pattern).is_err(), "{pattern:?}");
    }
    // Closed within themselves.
    for pattern in ["(?x)a #)|(.*\n", "[)]|[(]|a", r"\)|\(|a", "(?:(?m))a"] {
        let compiled = Pattern::compile(pattern).unwrap();
        assert_eq!(compiled.matches("a"), True, "{pattern:?}");
        assert_eq!(compiled.matches("ab"), False, "{pattern:?}");
        assert_eq!(compiled.matches("a\nb"), False, "{pattern:?}");
    }
}

#[test]
fn patterns_are_bounded_in_length_and_in_what_they_compile_to() {
    assert!(Pattern::compile(&"a".repeat(MAX_PATTERN_BYTES)).is_ok());
    assert!(Pattern::compile(&"a".repeat(MAX_PATTERN_BYTES + 1)).is_err());
    for pattern in ["a{100000}", "(?:a{99}){99}", "(?:(?:(?:a{9}){9}){9}){9}", "(?:a*){1000}", "[a-z]{1500}"]
    {
        assert!(Pattern::compile(pattern).is_err(), "{pattern:?}");
    }
    assert!(Pattern::compile(&("(".repeat(40) + &")".repeat(40))).is_err());
}

#[test]
fn strings_are_bounded_and_beyond_nothing_is_known() {
    let any = Pattern::compile("a*").unwrap();
    assert_eq!(any.matches(&"a".repeat(MAX_SUBJECT_BYTES)), True);
    assert_eq!(any.matches(&"a".repeat(MAX_SUBJECT_BYTES + 1)), Unknown);
}

/// A backtracking engine would not come back from these.
#[test]
fn hostile_patterns_end() {
    let subject = "a".repeat(MAX_SUBJECT_BYTES - 1) + "!";
    for pattern in ["(?:a+)+", "(?:a|a)*b", "(?:a*)*c", "(?:a?){20}a{20}b", ".*.*.*.*=.*"] {
        assert_eq!(Pattern::compile(pattern).unwrap().matches(&subject), False, "{pattern:?}");
    }
}
