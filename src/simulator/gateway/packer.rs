//! How payloads are packed for the wire: as text, each by itself, or as one stream for the whole connection.

use std::io::{self, Write};

use axum::extract::ws::Message;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use zstd::stream::write::Encoder;

/// Shorter payloads are not worth packing one by one.
const WORTH_PACKING: usize = 1024;

/// What a connection asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Plain,
    Zlib,
    Zstd,
}

/// Packs the payloads of one connection.
pub(super) enum Packer {
    /// Text.
    Plain,
    /// Long payloads by themselves, short ones as text: what `compress: true` asks for.
    Payloads,
    /// One zlib stream.
    Zlib(ZlibEncoder<Vec<u8>>),
    /// One zstd stream.
    Zstd(Encoder<'static, Vec<u8>>),
}

impl Packer {
    pub(super) fn new(transport: Transport) -> io::Result<Self> {
        Ok(match transport {
            Transport::Plain => Self::Plain,
            Transport::Zlib => Self::Zlib(ZlibEncoder::new(Vec::new(), Compression::default())),
            Transport::Zstd => Self::Zstd(Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }

    /// From now on payloads are packed one by one, unless the connection is packed already.
    pub(super) fn pack_payloads(&mut self) {
        if matches!(self, Self::Plain) {
            *self = Self::Payloads;
        }
    }

    /// One payload is one message; streams are flushed after each.
    pub(super) fn pack(&mut self, text: String) -> io::Result<Message> {
        let packed = match self {
            Self::Payloads if text.len() >= WORTH_PACKING => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text.as_bytes())?;
                encoder.finish()?
            }
            Self::Plain | Self::Payloads => return Ok(Message::Text(text.into())),
            Self::Zlib(stream) => {
                stream.write_all(text.as_bytes())?;
                stream.flush()?;
                std::mem::take(stream.get_mut())
            }
            Self::Zstd(stream) => {
                stream.write_all(text.as_bytes())?;
                stream.flush()?;
                std::mem::take(stream.get_mut())
            }
        };
        Ok(Message::Binary(packed.into()))
    }
}
