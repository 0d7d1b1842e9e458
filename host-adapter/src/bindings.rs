//! Generated from `wit/`: the three Spin interfaces. Nothing else lives here.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "host",
    imports: { default: trappable },
    with: {
        "spin:mysql/mysql.connection": pools::mysql::Connection,
        "spin:redis/redis.connection": pools::redis::Connection,
    },
});
