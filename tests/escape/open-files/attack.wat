(module
  ;; prelude
  (data (i32.const 1024) "<read>/hello.txt\00")
  (func $attack (result i32)
    (local $count i32) (local $error i32)
    (loop $more
      (local.set $error (call $open_to_read (i32.const <read_fd>) (i32.const 1024)))
      (if (local.get $error) (then (return (local.get $error))))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $count) (i32.const 200))))
    (i32.const 0)))
