(module
  ;; prelude
  (data (i32.const 1024) "<read>/hello.txt\00")
  (func $attack (result i32)
    (drop (call $open_to_read (i32.const <read_fd>) (i32.const 1024)))
    (call $fd_filestat_set_times (global.get $fd) (i64.const 1) (i64.const 1) (i32.const 5))))
