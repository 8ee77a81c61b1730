(module
  ;; prelude
  (data (i32.const 1024) "<read>/sub/deep/file.txt\00")
  (data (i32.const 1056) "<read>/sub/deep\00")
  (func $attack (result i32)
    (drop (call $path_unlink_file (i32.const <read_fd>) (i32.const 1024) (call $length (i32.const 1024))))
    (call $path_remove_directory
      (i32.const <read_fd>) (i32.const 1056) (call $length (i32.const 1056)))))
