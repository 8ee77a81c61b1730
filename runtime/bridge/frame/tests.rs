#![expect(clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::super::outline::{HEAD_BYTES_MAX, Shape};
use super::*;

const MAX: usize = 64;

/// All frames of the pieces, with the last line's end taken as the input's.
fn frames<'a>(max: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut framer = Framer::new(max);
    let mut all = Vec::new();
    for mut piece in pieces {
        while let Some(frame) = framer.take(&mut piece) {
            all.push(frame);
        }
        assert!(piece.is_empty(), "all is taken before more is asked for");
    }
    all.extend(framer.finish());
    all
}

/// What the frames say, however early they say it.
fn said(frames: Vec<Frame>) -> Vec<(Vec<u8>, u64, Option<Shape>)> {
    let (mut said, mut early) = (Vec::new(), None);
    for frame in frames {
        match frame {
            Frame::Line(line) => said.push((line, 0, None)),
            Frame::TooLong(outline) => early = Some(outline),
            Frame::TooLongEnd { outline, bytes } => {
                let shape = early.take().xor(outline).map(|outline| outline.shape);
                said.push((Vec::new(), bytes, shape));
            }
        }
    }
    said
}

#[track_caller]
fn check(text: &str, want: &[&str]) {
    let want: Vec<Frame> = want
        .iter()
        .map(|line| Frame::Line(line.as_bytes().to_vec()))
        .collect();
    assert_eq!(frames(MAX, [text.as_bytes()]), want);
    assert_eq!(frames(MAX, text.as_bytes().chunks(1)), want, "byte by byte");
}

#[test]
fn lines_end_at_a_newline_or_at_the_end() {
    check("", &[]);
    check("\n\n", &[]);
    check("a", &["a"]);
    check("a\n", &["a"]);
    check("a\nb", &["a", "b"]);
    check("a\r\nb\r\n", &["a\r", "b\r"]);
    check("\n \n\t\r\na\n\n", &["a"]);
    check(" a \n", &[" a "]);
    check("a\rb\u{2028}c\u{85}d\0\n", &["a\rb\u{2028}c\u{85}d\0"]);
}

#[test]
fn a_byte_order_mark_is_tolerated_before_the_first_line_only() {
    check("\u{feff}a\nb\n", &["a", "b"]);
    check("\u{feff}", &[]);
    check("\u{feff}\na\n", &["a"]);
    check("a\n\u{feff}b\n", &["a", "\u{feff}b"]);
    check("\u{feff}\u{feff}a\n", &["\u{feff}a"]);
}

#[test]
fn the_limit_is_the_longest_line_that_passes() {
    check(&("x".repeat(MAX) + "\n"), &["x".repeat(MAX).as_str()]);
    check(&"x".repeat(MAX), &["x".repeat(MAX).as_str()]);
    let long = "x".repeat(MAX + 1) + "\ny";
    let want = vec![
        (Vec::new(), MAX as u64 + 1, Some(Shape::Noise)),
        (b"y".to_vec(), 0, None),
    ];
    assert_eq!(said(frames(MAX, [long.as_bytes()])), want);
    assert_eq!(said(frames(MAX, long.as_bytes().chunks(1))), want);
}

#[test]
fn no_split_changes_what_is_read() {
    let long = format!(
        "{{\"result\":\"{}\\\\\",\"id\":\"\\\"é\"}}",
        "y".repeat(2 * MAX)
    );
    let text = format!("\u{feff}{{\"a\":1}}\r\n\n{long}\n{{\"é\":\"\u{2028}\"}}\n{long}\nlast");
    let whole = said(frames(MAX, [text.as_bytes()]));
    assert_eq!(whole.len(), 5);
    for at in 0..=text.len() {
        let (left, right) = text.as_bytes().split_at(at);
        assert_eq!(said(frames(MAX, [left, right])), whole, "split at {at}");
    }
}

#[test]
fn five_thousand_requests_in_one_push_are_five_thousand_frames() {
    let lines: Vec<String> = (0..5_000)
        .map(|id| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a"}}"#))
        .collect();
    let text = lines.join("\n") + "\n";
    let want: Vec<Frame> = lines
        .into_iter()
        .map(|line| Frame::Line(line.into_bytes()))
        .collect();
    assert_eq!(frames(1 << 20, [text.as_bytes()]), want);
    for size in [1, 7, 4_096, 65_536] {
        assert_eq!(
            frames(1 << 20, text.as_bytes().chunks(size)),
            want,
            "pieces of {size}"
        );
    }
}

#[test]
fn a_line_has_room_for_its_newline_and_no_more() {
    let mut framer = Framer::new(1 << 20);
    let mut input: &[u8] = b"{\"id\":1}\n";
    let Some(Frame::Line(line)) = framer.take(&mut input) else {
        panic!("a line")
    };
    assert_eq!(line.capacity(), line.len() + 1);
}

#[test]
fn a_line_in_many_pieces_is_copied_in_linear_time() {
    let mut framer = Framer::new(1 << 24);
    let mut sizes = std::collections::BTreeSet::new();
    for _ in 0..1 << 14 {
        framer.take(&mut &[b'x'; 1_000][..]);
        sizes.insert(cost(&framer));
    }
    assert!(
        sizes.len() <= 16,
        "the line has moved {} times",
        sizes.len()
    );
}

#[test]
fn a_line_of_a_gibibyte_costs_no_more_than_one_of_the_limit() {
    let max = 1_000_000;
    let piece = vec![b'x'; 65_535];
    for head in [
        &b"{\"jsonrpc\":\"2.0\",\"result\":\""[..],
        b"{\"id\":1,\"result\":\"",
        b"[\"",
        b"x",
    ] {
        let mut framer = Framer::new(max);
        assert_eq!(framer.take(&mut &*head), None);
        for _ in 0..1 << 14 {
            framer.take(&mut &*piece);
            assert!(cost(&framer) <= max + 1, "{} bytes are held", cost(&framer));
        }
        assert!(
            cost(&framer) <= 4 * HEAD_BYTES_MAX,
            "the start of the line is let go"
        );
        let Some(Frame::TooLongEnd { outline: _, bytes }) = framer.take(&mut &b"\n"[..]) else {
            panic!("the line ends")
        };
        assert_eq!(bytes, 65_535 * (1 << 14) + head.len() as u64);
    }
}

fn cost(framer: &Framer) -> usize {
    match &framer.state {
        State::Keep(line) => line.capacity(),
        State::Drop(dropped) => dropped.reader.cost(),
    }
}

#[test]
fn a_long_answer_is_told_before_it_ends() {
    let mut framer = Framer::new(MAX);
    let mut input = format!("{{\"id\":7,\"result\":\"{}", "x".repeat(MAX)).into_bytes();
    let Some(Frame::TooLong(outline)) = framer.take(&mut &*input) else {
        panic!("told at once")
    };
    assert!(matches!(outline.shape, Shape::Answer(id) if id.raw() == "7"));
    input.extend_from_slice(b"\"}\n");
    let end = framer.take(&mut &*input);
    assert!(
        matches!(
            end,
            Some(Frame::TooLongEnd {
                outline: None,
                bytes: _
            })
        ),
        "{end:?}"
    );
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_the_same_frames(
        text in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'"'), Just(b'{'), Just(b'\\'), any::<u8>()], 0..400),
        cuts in proptest::collection::vec(0_usize..400, 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]);
        prop_assert_eq!(said(frames(40, pieces)), said(frames(40, [&*text])));
    }
}
