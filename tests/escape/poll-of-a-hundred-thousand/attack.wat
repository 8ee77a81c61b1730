(module
  ;; prelude
  (func $attack (result i32)
    (drop (memory.grow (i32.const 200)))
    (call $poll_oneoff
      (i32.const 65536) (i32.const 5242880) (i32.const 100000) (i32.const 8))))
