(module
  ;; prelude
  (data (i32.const 1024) "<read>/new\00")
  (func $attack (result i32)
    (call $path_create_directory
      (i32.const <read_fd>) (i32.const 1024) (call $length (i32.const 1024)))))
