(module
  ;; prelude
  (data (i32.const 1024) "<read>/hello.txt\00")
  (func $attack (result i32)
    (call $path_filestat_set_times (i32.const <read_fd>) (i32.const 0) (i32.const 1024)
      (call $length (i32.const 1024)) (i64.const 1) (i64.const 1) (i32.const 5))))
