(module
  ;; prelude
  (func $attack (result i32)
    (local $count i32) (local $error i32)
    (loop $more
      (i32.store8 (i32.const 1024) (i32.add (i32.const 97) (i32.and (local.get $count) (i32.const 15))))
      (i32.store8 (i32.const 1025)
        (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $count) (i32.const 4)) (i32.const 15))))
      (i32.store8 (i32.const 1026)
        (i32.add (i32.const 97) (i32.shr_u (local.get $count) (i32.const 8))))
      (local.set $error (call $open (i32.const <scratch_fd>) (i32.const 1024) (i32.const 1)))
      (if (local.get $error) (then (return (local.get $error))))
      (drop (call $fd_close (global.get $fd)))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $count) (i32.const 600))))
    (i32.const 0)))
