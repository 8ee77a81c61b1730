(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_set_times"
    (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times"
    (func $fd_filestat_set_times (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))

  ;; Page 0: an iovec at 0, results from 8 on, texts from 1024 on. Page 1 is for whatever comes.
  (memory (export "memory") 2)
  (global $fd (mut i32) (i32.const -1))

  ;; The status is the attack's error number, 0 where it succeeded.
  (func (export "_start") (call $proc_exit (call $attack)))

  ;; The length of a text that a zero ends.
  (func $length (param $text i32) (result i32) (local $end i32)
    (local.set $end (local.get $text))
    (block $found
      (loop $next
        (br_if $found (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $text)))

  ;; Opens beneath a descriptor with these flags and rights, and leaves the new one in $fd.
  (func $open_for (param $in i32) (param $path i32) (param $flags i32) (param $rights i64)
      (result i32) (local $error i32)
    (local.set $error (call $path_open
      (local.get $in) (i32.const 1) (local.get $path) (call $length (local.get $path))
      (local.get $flags) (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 16)))
    (global.set $fd (i32.load (i32.const 16)))
    (local.get $error))

  ;; The rights: 2 reads, 64 writes, 0x400000 sets the size, 0x4000 lists.
  (func $open_to_read (param $in i32) (param $path i32) (result i32)
    (call $open_for (local.get $in) (local.get $path) (i32.const 0) (i64.const 2)))
  (func $folder (param $in i32) (param $path i32) (result i32)
    (call $open_for (local.get $in) (local.get $path) (i32.const 2) (i64.const 0x4002)))
  (func $open (param $in i32) (param $path i32) (param $flags i32) (result i32)
    (call $open_for (local.get $in) (local.get $path) (local.get $flags)
      (select (i64.const 0x400042) (i64.const 2) (local.get $flags))))

  ;; Makes a file of so many times 64 KiB.
  (func $write_file (param $in i32) (param $path i32) (param $pieces i32) (result i32)
      (local $error i32)
    (local.set $error (call $open (local.get $in) (local.get $path) (i32.const 1)))
    (if (local.get $error) (then (return (local.get $error))))
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (loop $more
      (local.set $error (call $fd_write
        (global.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (local.get $error) (then (return (local.get $error))))
      (local.set $pieces (i32.sub (local.get $pieces) (i32.const 1)))
      (br_if $more (local.get $pieces)))
    (i32.const 0))
