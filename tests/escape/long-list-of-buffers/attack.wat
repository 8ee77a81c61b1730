(module
  ;; prelude
  (func $attack (result i32)
    (drop (memory.grow (i32.const 400)))
    (call $fd_write (i32.const 2) (i32.const 65536) (i32.const 3000000) (i32.const 8))))
