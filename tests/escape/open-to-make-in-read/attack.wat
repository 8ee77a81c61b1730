(module
  ;; prelude
  (data (i32.const 1024) "<read>/new\00")
  (func $attack (result i32)
    (call $open (i32.const <read_fd>) (i32.const 1024) (i32.const 5))))
