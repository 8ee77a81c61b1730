(module
  ;; prelude
  (data (i32.const 1024) "<read>/hello.txt\00")
  (data (i32.const 1056) "<read>/h\00")
  (func $attack (result i32)
    (call $path_link
      (i32.const <read_fd>) (i32.const 0) (i32.const 1024) (call $length (i32.const 1024))
      (i32.const <read_fd>) (i32.const 1056) (call $length (i32.const 1056)))))
