(module
  ;; prelude
  (func $attack (result i32)
    (i32.store8 (i32.const 72) (i32.const 0))
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const -1))
    (call $poll_oneoff (i32.const 64) (i32.const 256) (i32.const 1) (i32.const 8))))
