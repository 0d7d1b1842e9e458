//! Has no code. It turns on, for the programs alone, the features of dependencies that their tests and tools need: else
//! cargo would compile wasmtime, tokio and all that depends on them twice, once for `up` and once for `test`.
