(module
  ;; prelude
  (data (i32.const 1024) "<write>/sparse\00")
  (func $attack (result i32)
    (drop (call $open (i32.const <write_fd>) (i32.const 1024) (i32.const 1)))
    (call $fd_filestat_set_size (global.get $fd) (i64.const 68719476736))))
