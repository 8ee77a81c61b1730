(module
  (import "wasi_unstable" "path_open" (func (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
