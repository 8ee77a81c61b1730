//! What kind of file a program is: its interpreters, and what ELF tells.

use brig_sandbox::family::{ElfLook, ProgramLook};
use object::elf::{FileHeader32, FileHeader64, PT_INTERP, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache, ReadRef};
use std::fs::File;
use std::io::{self, Read as _};

/// Interpreters after each other at most (execve(2): five at the kernel's).
const SCRIPTS_MAX: usize = 5;
/// Bytes of a script's first line that count (execve(2)).
const LINE_BYTES_MAX: u64 = 256;

/// A program that was opened, with the name of the file that it is.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) name: String,
}

/// Looks at a program, and at what runs it where it is a script. `open` finds a path, and a name on
/// the search path.
pub(super) fn look(path: &str, open: impl Fn(&str) -> io::Result<Opened>) -> ProgramLook {
    let mut look = ProgramLook::default();
    let mut path = path.to_owned();
    for _ in 0..=SCRIPTS_MAX {
        let Ok(Opened { file, name }) = open(&path) else {
            break;
        };
        look.names.push(name);
        let Some(next) = interpreter(&file) else {
            look.elf = elf(file);
            break;
        };
        path = next;
    }
    look
}

/// What a script's first line names; behind env(1) it is the program that env would run.
pub(super) fn interpreter(file: &File) -> Option<String> {
    let mut first = Vec::new();
    file.take(LINE_BYTES_MAX).read_to_end(&mut first).ok()?;
    let line = first.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_whitespace();
    let program = words.next()?;
    if program.ends_with("/env") {
        // Of env's own words only `-S` and settings stand before the program (env(1)).
        let named = words.find(|word| !word.starts_with('-') && !word.contains('='));
        return named.map(str::to_owned);
    }
    Some(program.to_owned())
}

fn elf(file: File) -> Option<ElfLook> {
    let cache = ReadCache::new(file);
    let data = &cache;
    match data.read_bytes_at(0, 5).ok()? {
        [0x7f, b'E', b'L', b'F', 2] => of_class::<FileHeader64<Endianness>, _>(data),
        [0x7f, b'E', b'L', b'F', 1] => of_class::<FileHeader32<Endianness>, _>(data),
        _ => None,
    }
}

fn of_class<'data, H, R>(data: R) -> Option<ElfLook>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let mut look = ElfLook {
        dynamic: false,
        go: false,
    };
    for segment in header.program_headers(endian, data).ok()? {
        match segment.p_type(endian) {
            PT_INTERP => look.dynamic = true,
            PT_NOTE => look.go |= has_go_note(segment, endian, data),
            _ => {}
        }
    }
    Some(look)
}

/// Go's linker notes the id of each build.
fn has_go_note<'data, P, R>(segment: &P, endian: Endianness, data: R) -> bool
where
    P: ProgramHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let Ok(Some(mut notes)) = segment.notes(endian, data) else {
        return false;
    };
    while let Ok(Some(note)) = notes.next() {
        if note.name() == b"Go" {
            return true;
        }
    }
    false
}
