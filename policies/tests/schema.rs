//! The schema and the reader agree, on every case and on generated manifests.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use brig_policies::{FaultCode, read, schema};
use jsonschema::Validator;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

/// How many manifests are generated.
const MANIFESTS: u64 = 10_000;

fn validator() -> Validator {
    let schema = serde_json::to_value(schema()).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// What a schema-aware editor sees of a manifest; `None` where it is not TOML.
fn instance(text: &str) -> Option<Value> {
    DeTable::parse(text)
        .ok()
        .map(|table| object(table.get_ref()))
}

fn object(table: &DeTable<'_>) -> Value {
    let parts = table.iter().map(|(name, value)| {
        let name = name.get_ref().to_string();
        (name, json(value.get_ref()))
    });
    Value::Object(parts.collect::<Map<_, _>>())
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
            .map_or_else(|_| Value::from(1e30), Value::from),
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(list) => list.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => object(table),
    }
}

/// What only the reader can tell, as the schema's own text says.
fn is_beyond_a_schema(text: &str, code: FaultCode) -> bool {
    let subtle = SUBTLE.iter().any(|value| text.contains(value));
    let by_value = matches!(
        code,
        FaultCode::InvalidHost
            | FaultCode::InvalidAddress
            | FaultCode::RefusedDestination
            | FaultCode::WrongType
            | FaultCode::InvalidNumber
    );
    by_value && subtle || matches!(code, FaultCode::TooLong | FaultCode::HiddenCharacter)
}

/// Values that the reader refuses and the schema cannot.
const SUBTLE: &[&str] = &[
    "xn--zzzz.example",
    "\"10.0.0.1/8\"",
    "\"127.0.0.1\"",
    "\"169.254.0.0/16\"",
    "\"2001:0db8::1\"",
    "\"fe80::1\"",
    "\"10.1.2.0/8\"",
    "0x1",
    "64.0",
    "1e1",
];

#[track_caller]
fn check_agreement(validator: &Validator, text: &str) -> bool {
    let Some(instance) = instance(text) else {
        return false;
    };
    let told = read(text).err();
    let is_valid = validator.is_valid(&instance);
    let Some(faults) = told else {
        let errors: Vec<String> = validator
            .iter_errors(&instance)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(
            is_valid,
            "the schema refuses what is read: {errors:#?}\n{text}"
        );
        return true;
    };
    let all_beyond = faults
        .iter()
        .all(|fault| is_beyond_a_schema(text, fault.code));
    assert!(
        !is_valid || all_beyond,
        "the schema accepts what is refused: {faults}\n{text}"
    );
    false
}

#[test]
fn on_every_case() {
    let validator = validator();
    let mut count = 0;
    for folder in ["accept", "refuse"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata")
            .join(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                check_agreement(&validator, &fs::read_to_string(path).unwrap());
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count} cases");
}

/// A section's header, how often it may stand, and its keys, each with its values: good ones, and
/// ones that are refused.
type Grammar = (
    &'static str,
    u64,
    &'static [(
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
    )],
);

const GRAMMAR: &[Grammar] = &[
    (
        "[server]",
        1,
        &[
            (
                "name",
                &["\"notes\"", "\"a.b_c-1\"", "\"0\""],
                &["\"\"", "\"A\"", "\"-a\"", "1"],
            ),
            (
                "component",
                &[
                    "\"x.wasm\"",
                    "\"../x\"",
                    "\"..\"",
                    "\"./a/./b\"",
                    "\"~/x\"",
                    "\"{config}/x\"",
                    "\"/a//b\"",
                    "\"~\"",
                    "\"a$\"",
                    "\"..x\"",
                    "\"oci:x\"",
                    "\"oci://r.example/a:1\"",
                ],
                &[
                    "\"oci://r.example/a\"",
                    "\"oci://a:1\"",
                    "\"oci://\"",
                    "\"\"",
                    "\"a/../b\"",
                    "\"~/../x\"",
                    "\"~x/y\"",
                    "\"{home}/x\"",
                    "\"$HOME/x\"",
                    "\"*.wasm\"",
                    "\"/..\"",
                    "\"a\\u0007\"",
                    "\"/a/{b}\"",
                    "[]",
                ],
            ),
            (
                "args",
                &["[]", "[\"a\", \"a\", \"$X\", \"\"]"],
                &["\"a\"", "[1]", "[\"\\u0000\"]"],
            ),
            (
                "transport",
                &["\"stdio\""],
                &["\"http\"", "\"x\"", "{ http = 8080 }"],
            ),
        ],
    ),
    (
        "",
        1,
        &[
            (
                "npm",
                &["\"@s/x@1.2.3\"", "\"x@0.0.1-rc.1\""],
                &["\"x\"", "\"x@latest\"", "\"x@01.2.3\"", "\"@s@1.2.3\""],
            ),
            (
                "pypi",
                &["\"x==1\"", "\"a-b[c,d]==1.0+x\""],
                &["\"x\"", "\"X==1\"", "\"x>=1\"", "\"x[]==1\""],
            ),
            (
                "image",
                &[
                    "\"r.example/a:1\"",
                    "\"localhost/a/b_c:v\"",
                    "\"oci:a\"",
                    "\"oci:~\"",
                    "\"oci:~:x\"",
                    "\"oci:..\"",
                    "\"oci:../a/b:x/y:1@z\"",
                    "\"oci:{config}/a:1\"",
                    "\"oci:{config}:1\"",
                    "\"oci:5000/a:1\"",
                    "\"oci-archive:/a.tar\"",
                    "\"docker-archive:./a.tar:a+b\"",
                    "\"oci:..x:..\"",
                    "\"oci-archive:///a\"",
                ],
                &[
                    "\"oci:\"",
                    "\"oci::x\"",
                    "\"oci:a:\"",
                    "\"oci:a:b c\"",
                    "\"oci:..:..:$X\"",
                    "\"oci:a/..\"",
                    "\"oci:a/..:x\"",
                    "\"oci:~a\"",
                    "\"oci:~/..:x\"",
                    "\"oci:{home}\"",
                    "\"oci:$HOME/a\"",
                    "\"oci:*\"",
                    "\"oci://a\"",
                    "\"oci:///a\"",
                    "\"oci://r.example/a:1\"",
                    "\"oci-archive\"",
                    "\"docker:a:1\"",
                    "\"a:1\"",
                    "\"r.example/a\"",
                    "\"r.example/A:1\"",
                    "\"r.example/a..b:1\"",
                ],
            ),
            ("bundle", &["\"x.mcpb\""], &["\"\""]),
            (
                "command",
                &[
                    "[\"node\", \"x\"]",
                    "[\"~/x\"]",
                    "[\"a.b\"]",
                    "[\"./x\", \"\"]",
                ],
                &[
                    "[]",
                    "[\"~x\"]",
                    "[\"\"]",
                    "[\"a/../b\"]",
                    "\"node\"",
                    "[1]",
                ],
            ),
        ],
    ),
    (
        "[[network]]",
        3,
        &[
            (
                "host",
                &[
                    "\"api.github.com\"",
                    "\"*.example.com\"",
                    "\"localhost\"",
                    "\"10.1.2.3\"",
                    "\"10.0.0.0/8\"",
                    "\"2001:db8::1\"",
                    "\"fd12::/16\"",
                    "\"xn--gre-6ka8i.example\"",
                    "\"db\"",
                    "\"a.1b\"",
                ],
                &[
                    "\"\"",
                    "\"*\"",
                    "\"*.com\"",
                    "\"A.example\"",
                    "\"a.example.\"",
                    "\"a..b\"",
                    "\"a:443\"",
                    "\"https://a.example\"",
                    "\"1.2.3\"",
                    "\"010.0.0.1\"",
                    "\"256.0.0.1\"",
                    "\"0x7f\"",
                    "\"10.0.0.0/7\"",
                    "\"10.0.0.0/33\"",
                    "\"10.1.2.3/32\"",
                    "\"größe.example\"",
                    "\"xn--zzzz.example\"",
                    "\"10.0.0.1/8\"",
                    "\"127.0.0.1\"",
                    "\"2001:0db8::1\"",
                    "\"fe80::1\"",
                    "\"a.localhost\"",
                    "1",
                ],
            ),
            (
                "ports",
                &["[443]", "[80]", "[443]", "[8443, 1]"],
                &[
                    "[]",
                    "[0]",
                    "[65536]",
                    "[443, 443]",
                    "443",
                    "[\"443\"]",
                    "[0x1bb]",
                ],
            ),
            (
                "protocol",
                &["\"tls\"", "\"http\"", "\"tcp\""],
                &["\"https\"", "\"udp\"", "6"],
            ),
            (
                "addresses",
                &[
                    "[\"public\"]",
                    "[\"10.1.0.0/16\", \"fd12::/16\"]",
                    "[\"10.1.2.3/32\"]",
                ],
                &[
                    "[]",
                    "[\"x\"]",
                    "[\"public\", \"public\"]",
                    "\"public\"",
                    "[\"10.0.0.1\"]",
                    "[\"169.254.0.0/16\"]",
                    "[\"10.1.2.0/8\"]",
                ],
            ),
            ("ech", &["\"refuse\"", "\"allow\""], &["true", "\"on\""]),
        ],
    ),
    (
        "[[files]]",
        3,
        &[
            (
                "host",
                &["\"~/x\"", "\"{project}\"", "\"/a b/ü\"", "\"/\"", "\"~\""],
                &["\"x\"", "\"\"", "\"~x\"", "\"/a/../b\"", "\"~/{x}\"", "3"],
            ),
            (
                "at",
                &["\"/x\"", "\"/a/b c\"", "\"/device\"", "\"/..x\""],
                &[
                    "\"/\"",
                    "\"x\"",
                    "\"/dev\"",
                    "\"/proc/x\"",
                    "\"/a/\"",
                    "\"/a//b\"",
                    "\"/a/./b\"",
                    "\"/.brig\"",
                ],
            ),
            (
                "access",
                &["\"read\"", "\"write\""],
                &["\"rw\"", "\"append\"", "true"],
            ),
            ("exec", &["true", "false"], &["\"yes\"", "1"]),
            ("links", &["true"], &["0"]),
            ("optional", &["false"], &["[]"]),
        ],
    ),
    (
        "[[state]]",
        2,
        &[
            ("at", &["\"/data\""], &["\"data\"", "\"/sys\""]),
            (
                "size",
                &["\"1MiB\"", "\"1024GiB\"", "\"01024KiB\""],
                &["\"1023KiB\"", "\"1025GiB\"", "\"1GB\"", "\"1 GiB\"", "1"],
            ),
        ],
    ),
    (
        "[env]",
        1,
        &[
            (
                "LEVEL",
                &[
                    "\"info\"",
                    "\"\"",
                    "\"a\\nb\"",
                    "\"$\"",
                    "\"a$X\"",
                    "\"$1\"",
                ],
                &[
                    "\"$X\"",
                    "\"${X}\"",
                    "\"$LD_PRELOAD\"",
                    "\"${X:-y}\"",
                    "\"\\u0007\"",
                    "1",
                    "[]",
                ],
            ),
            (
                "TOKEN",
                &[
                    "{ secret = \"x\" }",
                    "{ secret = \"x\", as = \"file\" }",
                    "{ host = \"X\" }",
                ],
                &[
                    "{ host = \"X\", secret = \"y\" }",
                    "{ host = \"X\", as = \"env\" }",
                    "{}",
                    "{ as = \"env\" }",
                    "{ host = \"LD_X\" }",
                    "{ secret = \"X\" }",
                    "{ hots = \"X\" }",
                ],
            ),
            ("_a1", &["\"x\""], &[]),
        ],
    ),
    (
        "[tools]",
        1,
        &[(
            "allow",
            &["[]", "[\"get_*\", \"a/b.c\"]", "[\"*\"]"],
            &[
                "[\"**\"]",
                "[\"?\"]",
                "[\"a\", \"a\"]",
                "[\"\"]",
                "[\"a b\"]",
                "\"a\"",
            ],
        )],
    ),
    (
        "[[tools.rule]]",
        2,
        &[
            ("tool", &["\"get_*\""], &["\"[a]\"", "1"]),
            (
                "argument",
                &["\"/path\"", "\"/a~1b/~0\"", "\"//\""],
                &["\"\"", "\"/\"", "\"path\"", "\"/a~2\""],
            ),
            (
                "equals",
                &["\"x\"", "1", "true", "-3"],
                &["1.5", "[1]", "\"\\u0007\""],
            ),
        ],
    ),
    (
        "",
        1,
        &[
            ("matches", &["\"a?*\""], &["\"\"", "\"**\""]),
            (
                "within",
                &["\"/\"", "\"/notes\"", "\"/proc\""],
                &["\"notes\"", "\"/a/\"", "\"/../x\""],
            ),
            ("max", &["100", "-1"], &["1.5", "\"1\""]),
        ],
    ),
    (
        "[[tools.limit]]",
        2,
        &[
            ("tool", &["\"get_*\"", "\"*\""], &["\"[a]\"", "1"]),
            (
                "calls-per-minute",
                &["1", "6000"],
                &["0", "6001", "\"1\"", "1.5"],
            ),
            ("concurrency", &["1", "16384"], &["0", "16385"]),
            (
                "result",
                &["\"1KiB\"", "\"1GiB\""],
                &["\"1023\"", "\"1025MiB\"", "1024"],
            ),
        ],
    ),
    (
        "[resources]",
        1,
        &[(
            "allow",
            &["[]", "[\"file:///a?b=*\", \"x:[1]\"]"],
            &["[\"**\"]", "[\"a\", \"a\"]", "[\"\"]", "\"a\""],
        )],
    ),
    (
        "[prompts]",
        1,
        &[("allow", &["[]", "[\"a b\"]"], &["[\"\\u0007\"]", "[1]"])],
    ),
    (
        "[client]",
        1,
        &[
            ("elicitation-url", &["true"], &["\"https\""]),
            ("sampling", &["true", "false"], &["1"]),
            ("roots", &["true"], &["\"x\""]),
        ],
    ),
    (
        "[limits]",
        1,
        &[
            (
                "memory",
                &["\"16MiB\"", "\"1024GiB\"", "\"0256MiB\"", "\"16384KiB\""],
                &[
                    "\"15MiB\"",
                    "\"16383KiB\"",
                    "\"1025GiB\"",
                    "\"1.5GiB\"",
                    "\"256M\"",
                    "256",
                ],
            ),
            (
                "cpus",
                &["1.0", "0.05", "1024", "0.125", "2.1250"],
                &["0", "0.049", "1025", "0.0005", "\"1\""],
            ),
            (
                "processes",
                &["1", "32768"],
                &["0", "32769", "-1", "1.5", "64.0"],
            ),
            (
                "call",
                &["\"100ms\"", "\"60m\"", "\"3600s\""],
                &["\"99ms\"", "\"61m\"", "\"3601s\"", "\"2h\"", "60"],
            ),
        ],
    ),
    (
        "[syscalls]",
        1,
        &[(
            "allow",
            &["[]", "[\"jit\"]", "[\"numa\", \"io-uring\"]"],
            &["[\"x\"]", "[\"jit\", \"jit\"]", "\"jit\"", "[1]"],
        )],
    ),
];

/// Keys that no section has, or only another one.
const STRAY: &[&str] = &["privileged", "hots", "memory", "unix", "x y"];

/// Numbers that look random and are the same in every run (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    fn one_of<'t>(&mut self, of: &'t [&'t str]) -> &'t str {
        let at = self.next() % of.len() as u64;
        of[usize::try_from(at).unwrap()]
    }
}

fn generated(seed: u64) -> String {
    let mut draw = Draw(seed);
    let mut text = String::from(if draw.once_in(40) {
        "brig = 2\n"
    } else {
        "brig = 1\n"
    });
    let mut is_within = false;
    for (header, most, keys) in GRAMMAR {
        let is_server = *header == "[server]";
        // Keys without a header are further ones of the section before, and rarely go with it.
        if header.is_empty() && !(is_within && draw.once_in(3)) {
            continue;
        }
        if !header.is_empty() {
            is_within = is_server && !draw.once_in(40) || !is_server && draw.once_in(3);
        }
        if !is_within {
            continue;
        }
        for _ in 0..=draw.next() % most {
            writeln!(text, "{header}").unwrap();
            for (key, good, bad) in *keys {
                let is_needed = matches!(
                    *key,
                    "name" | "component" | "host" | "ports" | "tool" | "argument"
                );
                let is_kept = if is_needed {
                    !draw.once_in(60)
                } else {
                    draw.once_in(3)
                };
                if is_kept {
                    let is_good = bad.is_empty() || !draw.once_in(30);
                    let value = draw.one_of(if is_good { good } else { bad });
                    writeln!(text, "{key} = {value}").unwrap();
                }
            }
            if draw.once_in(60) {
                writeln!(text, "{:?} = 1", draw.one_of(STRAY)).unwrap();
            }
        }
    }
    text
}

#[test]
fn on_generated_manifests() {
    let validator = validator();
    let accepted = (0..MANIFESTS)
        .filter(|seed| check_agreement(&validator, &generated(*seed)))
        .count();
    // Both answers have to be frequent, or the agreement would say little.
    assert!((1500..8500).contains(&accepted), "{accepted} were accepted");
}

#[test]
fn no_reader_sees_what_the_schema_lets_pass() {
    let validator = validator();
    for letter in '\u{0}'..=char::MAX {
        let head = "brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n";
        if !(letter.is_control() || u32::from(letter) % 97 == 0 || SEEN_ALONE.contains(&letter)) {
            continue;
        }
        let number = u32::from(letter);
        let text = format!("{head}args = [\"\\U{number:08X}\"]\n");
        let is_valid = validator.is_valid(&instance(&text).unwrap());
        assert_eq!(is_valid, read(&text).is_ok(), "{letter:?}");
    }
}

/// The ends of what is hidden, and their neighbours.
const SEEN_ALONE: &[char] = &[
    '\u{61B}',
    '\u{61C}',
    '\u{61D}',
    '\u{200A}',
    '\u{200B}',
    '\u{200C}',
    '\u{200D}',
    '\u{200E}',
    '\u{200F}',
    '\u{2010}',
    '\u{2027}',
    '\u{2028}',
    '\u{202E}',
    '\u{202F}',
    '\u{205F}',
    '\u{2060}',
    '\u{206F}',
    '\u{2070}',
    '\u{FEFE}',
    '\u{FEFF}',
    '\u{FFF8}',
    '\u{FFF9}',
    '\u{FFFB}',
    '\u{FFFC}',
    '\u{DFFFF}',
    '\u{E0000}',
    '\u{E007F}',
    '\u{E0080}',
];
