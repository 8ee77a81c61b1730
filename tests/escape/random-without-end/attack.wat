(module
  ;; prelude
  (func $attack (result i32)
    (drop (memory.grow (i32.const 64)))
    (call $random_get (i32.const 65536) (i32.const 2097152))))
