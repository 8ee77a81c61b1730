//! Names below wildcards.

use super::egress;
use brig_policies::HostName;
use brig_sandbox::egress::Egress;
use brig_sandbox::egress::wildcard::{
    BITS_PER_GRANT_MAX, EXPIRY_MS, NAMES_MAX, NAMES_PER_GRANT_MAX, Refused, Wildcards, bits,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn wildcards(bases: &[&str]) -> (Egress, Wildcards) {
    let grants: Vec<String> = bases
        .iter()
        .map(|base| format!("host = \"*.{base}\"\nports = [443]"))
        .collect();
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
    let egress = egress(&grants);
    let wildcards = Wildcards::new(&egress);
    (egress, wildcards)
}

fn name(text: &str) -> HostName {
    text.parse().unwrap()
}

#[track_caller]
fn check(asked: &str, want: Result<&str, &str>) {
    let (_, mut wildcards) = wildcards(&["example.com", "eu.example.com"]);
    let got = wildcards.allocate(&name(asked), 0);
    let got = got.map(|at| at.v4.to_string());
    let got = got.map_err(|refused| refused.to_string());
    let want = want.map_err(|why| format!("give {asked} an address: {why}"));
    assert_eq!(got, want.map(str::to_owned));
}

#[test]
fn a_name_gets_an_address_unless_it_is_a_message() {
    check("www.example.com", Ok("100.64.1.0"));
    check("a.b.c.d.example.com", Ok("100.64.1.0"));
    check(
        "550e8400-e29b-41d4-a716-446655440000.example.com",
        Ok("100.64.1.0"),
    );
    check(
        "da39a3ee5e6b4b0d3255bfef95601890afd80709.example.com",
        Ok("100.64.1.0"),
    );
    check("example.com", Err("it is not granted"));
    check("badexample.com", Err("it is not granted"));
    check("www.example.com.evil.test", Err("it is not granted"));
    let labels = Err("more than 4 labels stand before the granted name");
    check("a.b.c.d.e.example.com", labels);
    let long = format!("{}.example.com", "a".repeat(49));
    check(&long, Err("a label has more than 48 bytes"));
    let message = Err("its labels look like a message, as for a tunnel");
    check(
        "mzxw6ytboi5gs3djmrswc5dfonvxkytdnbqxgzlsm5xw4zlr.example.com",
        message,
    );
    check(
        "mzxw6ytboi5gs3djmrswc5dfonvxk.ytdnbqxgzlsm5xw4zlr.q2wk7p9x.example.com",
        message,
    );
}

#[test]
fn a_name_keeps_its_address_and_no_two_share_one() {
    let (_, mut wildcards) = wildcards(&["example.com"]);
    let one = wildcards.allocate(&name("one.example.com"), 0).unwrap();
    let two = wildcards.allocate(&name("two.example.com"), 1).unwrap();
    assert!(one.v4 != two.v4 && one.v6 != two.v6);
    assert_eq!(wildcards.allocate(&name("one.example.com"), 2), Ok(one));
    assert_eq!(
        wildcards.name_of(one.v4.into()),
        Some(&name("one.example.com"))
    );
    assert_eq!(
        wildcards.name_of(two.v6.into()),
        Some(&name("two.example.com"))
    );
    assert_eq!(wildcards.name_of("100.64.0.1".parse().unwrap()), None);
    assert_eq!(wildcards.len(), 2);
}

/// Short names, so that their number alone is bounded here.
fn short(count: usize, base: &str) -> HostName {
    name(&format!("n{count}.{base}"))
}

#[test]
fn ten_thousand_names_take_no_more_room_than_the_cap() {
    let bases = [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "e.example",
    ];
    let (_, mut wildcards) = wildcards(&bases);
    let mut refused = BTreeMap::new();
    for count in 0..10_000 {
        let asked = short(count, bases[count % bases.len()]);
        match wildcards.allocate(&asked, 0) {
            Ok(at) => assert_eq!(wildcards.name_of(at.v4.into()), Some(&asked)),
            Err(Refused::Names(_)) => *refused.entry("session").or_insert(0) += 1,
            Err(Refused::NamesOfGrant(..)) => *refused.entry("grant").or_insert(0) += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(wildcards.len() <= NAMES_MAX);
    }
    assert_eq!(wildcards.len(), NAMES_MAX);
    assert_eq!(refused["session"], 10_000 - NAMES_MAX);
    // What had an address has it still.
    assert!(wildcards.allocate(&short(0, "a.example"), 0).is_ok());
}

#[test]
fn one_grant_does_not_take_the_room_of_another() {
    let (_, mut wildcards) = wildcards(&["a.example", "b.example"]);
    for count in 0..1000 {
        let got = wildcards.allocate(&short(count, "a.example"), 0);
        assert_eq!(got.is_ok(), count < NAMES_PER_GRANT_MAX, "{count}");
    }
    assert!(wildcards.allocate(&short(0, "b.example"), 0).is_ok());
    assert!(!wildcards.is_empty());
}

#[test]
fn names_expire_when_their_room_is_needed_and_nobody_uses_them() {
    let (_, mut wildcards) = wildcards(&["a.example"]);
    for count in 0..NAMES_PER_GRANT_MAX {
        wildcards.allocate(&short(count, "a.example"), 0).unwrap();
    }
    let first = wildcards.allocate(&short(0, "a.example"), 0).unwrap();
    wildcards.open(&short(0, "a.example"), 0);
    let asked = short(9999, "a.example");
    assert!(wildcards.allocate(&asked, EXPIRY_MS - 1).is_err());
    // One that was asked for meanwhile stays, and so does one with a connection.
    wildcards.allocate(&short(1, "a.example"), 1).unwrap();
    let new = wildcards.allocate(&asked, EXPIRY_MS).unwrap();
    assert_eq!(wildcards.len(), 3);
    assert_eq!(
        wildcards.name_of(first.v4.into()),
        Some(&short(0, "a.example"))
    );
    // A slot that became free is not the next that is given.
    assert_eq!(new.v4.to_string(), "100.64.2.0");
    wildcards.close(&short(0, "a.example"), EXPIRY_MS);
    for count in 100..100 + NAMES_PER_GRANT_MAX {
        let _ = wildcards.allocate(&short(count, "a.example"), EXPIRY_MS);
    }
    let late = wildcards.allocate(&short(5000, "a.example"), 2 * EXPIRY_MS);
    assert!(late.is_ok());
    assert_eq!(wildcards.name_of(first.v4.into()), None);
}

#[test]
fn a_clock_that_goes_back_expires_nothing() {
    let (_, mut wildcards) = wildcards(&["a.example"]);
    for count in 0..NAMES_PER_GRANT_MAX {
        wildcards
            .allocate(&short(count, "a.example"), u64::MAX)
            .unwrap();
    }
    assert!(wildcards.allocate(&short(999, "a.example"), 0).is_err());
    assert_eq!(wildcards.len(), NAMES_PER_GRANT_MAX);
}

/// A tunnel's own names: as much in each as passes.
#[test]
fn a_tunnel_says_two_kibibytes_and_no_more() {
    let (_, mut wildcards) = wildcards(&["a.example"]);
    let mut said = 0;
    let mut state: u64 = 1;
    for _ in 0..2000 {
        let label: String = (0..30)
            .map(|_| {
                // Knuth's numbers: enough for letters that nobody foresees.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
            })
            .collect();
        match wildcards.allocate(&name(&format!("{label}.a.example")), 0) {
            Ok(_) => said += bits(label.as_bytes()),
            Err(Refused::BitsOfGrant(..)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(
        said > BITS_PER_GRANT_MAX / 2 && said <= BITS_PER_GRANT_MAX,
        "{said}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is asked for and whenever: an address stands for one name, and a name for one
    /// address.
    #[test]
    fn addresses_and_names_are_one_to_one(
        acts in proptest::collection::vec((0_usize..400, 0_u64..4, 0_u8..4), 1..600),
    ) {
        let (_, mut wildcards) = wildcards(&["a.example"]);
        let mut now_ms = 0;
        for (count, hours, act) in acts {
            let asked = short(count, "a.example");
            now_ms += hours * EXPIRY_MS / 8;
            match act {
                0 => wildcards.open(&asked, now_ms),
                1 => wildcards.close(&asked, now_ms),
                _ => if let Ok(at) = wildcards.allocate(&asked, now_ms) {
                    prop_assert_eq!(wildcards.name_of(at.v4.into()), Some(&asked));
                    prop_assert_eq!(wildcards.name_of(at.v6.into()), Some(&asked));
                    prop_assert_eq!(wildcards.allocate(&asked, now_ms), Ok(at));
                },
            }
            prop_assert!(wildcards.len() <= NAMES_PER_GRANT_MAX);
        }
    }
}
