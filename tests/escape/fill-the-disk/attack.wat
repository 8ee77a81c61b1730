(module
  ;; prelude
  (data (i32.const 1024) "<write>/big\00")
  (func $attack (result i32)
    (call $write_file (i32.const <write_fd>) (i32.const 1024) (i32.const 512))))
