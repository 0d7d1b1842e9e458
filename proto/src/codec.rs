//! Protobuf in gRPC messages. What tonic's own codec calls an internal error, a message that cannot be read, is the
//! caller's.

use prost::Message;
use std::fmt;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{self, BufferSettings, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Room for a message that is written: most take less than one.
const BUFFER_BYTES: usize = 1024;
/// What a stream gathers before it gives way to others.
const YIELD_BYTES: usize = 32 * 1024;

/// Reads `U` and writes `T`.
pub struct Codec<T, U>(PhantomData<fn() -> (T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> fmt::Debug for Codec<T, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Codec")
    }
}

impl<T, U> codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Writing<T>;
    type Decoder = Reading<U>;

    fn encoder(&mut self) -> Writing<T> {
        Writing(PhantomData)
    }

    fn decoder(&mut self) -> Reading<U> {
        Reading(PhantomData)
    }
}

/// Writes messages.
#[derive(Debug)]
pub struct Writing<T>(PhantomData<fn() -> T>);

impl<T: Message> Encoder for Writing<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let written = message.encode(buffer);
        written.map_err(|error| Status::internal(format!("the reply cannot be written: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}

/// Reads messages. Unknown fields are skipped, as protobuf has it.
#[derive(Debug)]
pub struct Reading<U>(PhantomData<fn() -> U>);

impl<U: Message + Default> Decoder for Reading<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = U::decode(buffer);
        message.map(Some).map_err(|error| {
            Status::invalid_argument(format!(
                "the message is no protobuf of this method: {error}"
            ))
        })
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}
