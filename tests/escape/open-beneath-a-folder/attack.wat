(module
  ;; prelude
  (data (i32.const 1024) "<read>/sub\00")
  (data (i32.const 1040) "../../secret\00")
  (func $attack (result i32)
    (drop (call $folder (i32.const <read_fd>) (i32.const 1024)))
    (call $open (global.get $fd) (i32.const 1040) (i32.const 0))))
