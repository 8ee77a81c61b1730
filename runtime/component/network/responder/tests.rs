#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::UdpSocket as Answering;
use std::thread;

use super::super::tests::block_on;
use super::*;

/// An answer to a query of brig's own with this second word of the head, and these records.
fn reply(query: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut reply = query[..2].to_vec();
    let counts = [flags, 1, u16::try_from(records.len()).unwrap(), 0, 0];
    reply.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    reply.extend(&query[12..]);
    for (kind, data) in records {
        reply.extend([0xc0, 12]);
        reply.extend(
            [*kind, INTERNET, 0, 60]
                .into_iter()
                .flat_map(u16::to_be_bytes),
        );
        reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend(*data);
    }
    reply
}

/// What is made of a responder that answers the question for this kind so, and the other with
/// nothing.
#[track_caller]
fn check(
    kind: u16,
    make: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
    want: &Result<Vec<IpAddr>, Unanswered>,
) {
    let socket = Answering::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let serving = thread::spawn(move || {
        for _ in 0..2 {
            let mut query = [0; 512];
            let (bytes, from) = socket.recv_from(&mut query).unwrap();
            let query = &query[..bytes];
            let is_it = query[bytes - 4..bytes - 2] == kind.to_be_bytes();
            let made = if is_it {
                make(query)
            } else {
                reply(query, ANSWER, &[])
            };
            socket.send_to(&made, from).unwrap();
        }
    });
    let found = block_on(ask(at, &"a.example.org".parse().unwrap()));
    assert_eq!(&found, want);
    serving.join().unwrap();
}

#[test]
fn addresses_of_the_kind_that_was_asked_for_count() {
    let one = vec!["100.64.1.0".parse().unwrap()];
    let six: IpAddr = "fd62::1".parse().unwrap();
    check(
        A,
        |query| reply(query, ANSWER, &[(A, &[100, 64, 1, 0])]),
        &Ok(one.clone()),
    );
    check(
        A,
        |query| {
            reply(
                query,
                ANSWER,
                &[(5, &[0]), (A, &[100, 64, 1, 0]), (AAAA, &[0; 16])],
            )
        },
        &Ok(one),
    );
    let sixteen = [0xfd, 0x62, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    check(
        AAAA,
        move |query| reply(query, ANSWER, &[(AAAA, &sixteen)]),
        &Ok(vec![six]),
    );
}

#[test]
fn no_address_is_told_apart_from_no_answer() {
    check(
        A,
        |query| reply(query, ANSWER, &[]),
        &Err(Unanswered::NoSuchName),
    );
    check(
        A,
        |query| reply(query, ANSWER | NO_SUCH_NAME, &[]),
        &Err(Unanswered::NoSuchName),
    );
    check(
        A,
        |query| reply(query, ANSWER | 2, &[]),
        &Err(Unanswered::Failed),
    );
    // A query that comes back is no answer.
    check(A, <[u8]>::to_vec, &Err(Unanswered::Failed));
}

#[test]
fn what_is_no_answer_is_never_read_beyond_its_end() {
    let whole = |query: &[u8]| reply(query, ANSWER, &[(A, &[100, 64, 1, 0])]);
    let query = query(7, &"a.example.org".parse().unwrap(), A);
    let bytes = whole(&query);
    assert_eq!(
        addresses(&bytes, A),
        Ok(vec!["100.64.1.0".parse().unwrap()])
    );
    for end in 0..bytes.len() {
        assert_eq!(
            addresses(&bytes[..end], A),
            Err(Unanswered::Failed),
            "{end}"
        );
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
            let mut changed = bytes.clone();
            changed[at] = value;
            // Whatever it says, it ends.
            let _ = addresses(&changed, A);
        }
    }
}

#[test]
fn nobody_is_waited_for_in_vain() {
    let silent = Answering::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let began = std::time::Instant::now();
    let found = block_on(ask(at, &"a.example.org".parse().unwrap()));
    assert_eq!(found, Err(Unanswered::Silent));
    let took = began.elapsed();
    assert!(took >= TRY * TRIES && took < TRY * (TRIES + 4), "{took:?}");
}
