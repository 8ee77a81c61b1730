;; An MCP server as a core module of WASI preview 1, small enough to be read whole.
;;
;; Every line that holds an "id" is answered, an `initialize` with the handshake and anything else
;; with the request itself: {"tools":[..],"content":[],"request":<the line>}. The `tools` and the
;; `content` make one result fit for tools/list and for tools/call. Lines without an "id" are
;; notifications and get none. A line longer than the buffer traps.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  ;; Page 0: one iovec at 0 and a count at 8, then the texts. Pages 1 to 16: the buffer, 1 MiB.
  (memory (export "memory") 17)
  (global $buffer i32 (i32.const 65536))
  (global $end i32 (i32.const 1114112))

  (data (i32.const 64) "\"id\":")
  (data (i32.const 96) "\"initialize\"")
  (data (i32.const 128) "{\"jsonrpc\":\"2.0\",\"id\":")
  (data (i32.const 192) ",\"result\":")
  (data (i32.const 256) "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},")
  (data (i32.const 320) "\"serverInfo\":{\"name\":\"preview1\",\"version\":\"1\"}}}\n")
  (data (i32.const 384) "{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}],")
  (data (i32.const 448) "\"content\":[],\"request\":")
  (data (i32.const 512) "}}\n")

  ;; Writes all of a text, however little the host takes at a time.
  (func $write (param $at i32) (param $length i32)
    (loop $more
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $length))
      (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $length (i32.sub (local.get $length) (i32.load (i32.const 8))))
      (br_if $more (local.get $length))))

  ;; Whether two texts of one length are the same.
  (func $same (param $one i32) (param $other i32) (param $length i32) (result i32)
    (loop $more
      (if (i32.eqz (local.get $length)) (then (return (i32.const 1))))
      (if (i32.ne (i32.load8_u (local.get $one)) (i32.load8_u (local.get $other)))
        (then (return (i32.const 0))))
      (local.set $one (i32.add (local.get $one) (i32.const 1)))
      (local.set $other (i32.add (local.get $other) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $more))
    (unreachable))

  ;; The address behind the first $needle in $from..$to, or 0.
  (func $after (param $from i32) (param $to i32) (param $needle i32) (param $length i32)
    (result i32)
    (loop $more
      (if (i32.gt_u (i32.add (local.get $from) (local.get $length)) (local.get $to))
        (then (return (i32.const 0))))
      (if (call $same (local.get $from) (local.get $needle) (local.get $length))
        (then (return (i32.add (local.get $from) (local.get $length)))))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br $more))
    (unreachable))

  ;; The end of the id at $at: of a string its second quote, of a number a comma, brace or blank.
  (func $id_end (param $at i32) (result i32)
    (local $byte i32)
    (local $string i32)
    (local.set $string (i32.eq (i32.load8_u (local.get $at)) (i32.const 34)))
    (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (local.get $string)
        (then
          (br_if $more (i32.ne (local.get $byte) (i32.const 34)))
          (return (i32.add (local.get $at) (i32.const 1)))))
      (br_if $more
        (i32.and
          (i32.and
            (i32.ne (local.get $byte) (i32.const 44))
            (i32.ne (local.get $byte) (i32.const 125)))
          (i32.gt_u (local.get $byte) (i32.const 32)))))
    (local.get $at))

  ;; Answers the line $from..$to, whose newline stands at $to.
  (func $answer (param $from i32) (param $to i32)
    (local $id i32)
    (local.set $id (call $after (local.get $from) (local.get $to) (i32.const 64) (i32.const 5)))
    (if (i32.eqz (local.get $id)) (then (return)))
    (loop $blank
      (if (i32.eq (i32.load8_u (local.get $id)) (i32.const 32))
        (then
          (local.set $id (i32.add (local.get $id) (i32.const 1)))
          (br $blank))))
    (call $write (i32.const 128) (i32.const 22))
    (call $write (local.get $id) (i32.sub (call $id_end (local.get $id)) (local.get $id)))
    (call $write (i32.const 192) (i32.const 10))
    (if (call $after (local.get $from) (local.get $to) (i32.const 96) (i32.const 12))
      (then
        (call $write (i32.const 256) (i32.const 60))
        (call $write (i32.const 320) (i32.const 49)))
      (else
        (call $write (i32.const 384) (i32.const 59))
        (call $write (i32.const 448) (i32.const 23))
        (call $write (local.get $from) (i32.sub (local.get $to) (local.get $from)))
        (call $write (i32.const 512) (i32.const 3)))))

  (func (export "_start")
    (local $line i32)
    (local $scan i32)
    (local $filled i32)
    (local.set $filled (global.get $buffer))
    (loop $read
      (if (i32.eq (local.get $filled) (global.get $end)) (then (unreachable)))
      (i32.store (i32.const 0) (local.get $filled))
      (i32.store (i32.const 4) (i32.sub (global.get $end) (local.get $filled)))
      (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 1))))
      (if (i32.eqz (i32.load (i32.const 8))) (then (return)))
      (local.set $scan (local.get $filled))
      (local.set $filled (i32.add (local.get $filled) (i32.load (i32.const 8))))
      (local.set $line (global.get $buffer))
      (loop $byte
        (if (i32.lt_u (local.get $scan) (local.get $filled))
          (then
            (if (i32.eq (i32.load8_u (local.get $scan)) (i32.const 10))
              (then
                (call $answer (local.get $line) (local.get $scan))
                (local.set $line (i32.add (local.get $scan) (i32.const 1)))))
            (local.set $scan (i32.add (local.get $scan) (i32.const 1)))
            (br $byte))))
      ;; What is left of a line moves to the front, to be completed by the next read.
      (memory.copy
        (global.get $buffer) (local.get $line)
        (i32.sub (local.get $filled) (local.get $line)))
      (local.set $filled
        (i32.add (global.get $buffer) (i32.sub (local.get $filled) (local.get $line))))
      (br $read))))
