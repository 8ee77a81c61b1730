//! The first words of a TLS connection: only those pass that ask for the granted name.

use brig_sandbox::egress::hello::{Asked, Hello, Progress, Reader, Second, Unread, Watched, judge};

use crate::egress::{NAME, permitted};

/// Checks one client's stream; the first byte says how it is cut.
pub fn check(bytes: &[u8]) {
    let Some((most, stream)) = bytes.split_first() else {
        return;
    };
    let most = usize::from(*most).max(1);
    let whole = first(stream, usize::MAX);
    assert_eq!(first(stream, most), whole, "it depends on the cuts");
    assert_eq!(second(stream, most), second(stream, usize::MAX));
    if let Ok(Watched::Hello(hello)) = second(stream, most) {
        check_hello(&hello, stream);
    }
    let Ok(Progress::Whole { hello, wire_bytes }) = whole else {
        return;
    };
    let (held, rest) = stream.split_at(wire_bytes);
    // Neither one byte less nor any byte more makes another of it.
    assert_eq!(first(&held[..wire_bytes - 1], most), Ok(Progress::More));
    assert_eq!(
        first(held, most),
        Ok(Progress::Whole {
            hello: hello.clone(),
            wire_bytes
        })
    );
    check_hello(&hello, held);
    if let Ok(Watched::Hello(hello)) = second(rest, most) {
        check_hello(&hello, rest);
    }
}

fn first(stream: &[u8], most: usize) -> Result<Progress, Unread> {
    let mut reader = Reader::default();
    for part in stream.chunks(most) {
        match reader.push(part) {
            Ok(Progress::More) => {}
            Err(error) => {
                assert_eq!(reader.push(part), Err(error), "an error stays");
                return Err(error);
            }
            whole @ Ok(Progress::Whole { .. }) => return whole,
        }
    }
    Ok(Progress::More)
}

fn second(stream: &[u8], most: usize) -> Result<Watched, Unread> {
    let mut watch = Second::default();
    for part in stream.chunks(most) {
        match watch.push(part) {
            Ok(Watched::More) => {}
            other => return other,
        }
    }
    Ok(Watched::More)
}

/// What passes says the name, in so many bytes, and nothing that stands for one hides in it.
fn check_hello(hello: &Hello, stream: &[u8]) {
    if let Asked::Name(name) = &hello.asked {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(name.bytes().all(is_plain) && !name.is_empty(), "{name:?}");
    }
    assert!(hello.alpn.iter().all(|protocol| !protocol.is_empty()));
    if judge(&permitted(443), hello).is_err() {
        return;
    }
    let Asked::Name(name) = &hello.asked else {
        panic!("it asks for nobody");
    };
    assert!(name.eq_ignore_ascii_case(NAME), "{name}");
    assert!(!hello.is_hidden && !hello.is_early);
    // With the heads of records in between it has at least these letters, in their order.
    let mut letters = stream.iter();
    let has = |letter: u8| letters.any(|byte| byte.eq_ignore_ascii_case(&letter));
    assert!(NAME.bytes().all(has), "the name stands nowhere");
}
