//! AMR-WB by the codec libraries of the system, loaded at run time: the only file with unsafe code.
//!
//! `libvo-amrwbenc` encodes, `libopencore-amrwb` decodes. They are loaded rather than linked, so that a
//! server without codecs starts, and a client without them says which packages to install.
#![allow(
    unsafe_code,
    reason = "C functions of the codec libraries; each call says why it is sound"
)]

use crate::{FRAME_SAMPLES, FrameType, Mode, Pcm, Quality, SpeechFrame};
use core::ffi::{c_int, c_short, c_uchar, c_void};
use core::ptr::NonNull;
use libloading::Library;
use std::sync::Arc;
use thiserror::Error;

const ENCODER: Source = Source {
    file: "libvo-amrwbenc.so.0",
    package: "libvo-amrwbenc0",
};
const DECODER: Source = Source {
    file: "libopencore-amrwb.so.0",
    package: "libopencore-amrwb0",
};

/// Room for a coded frame: 1 octet of head and at most 60 of speech, rounded up.
const CODED_ROOM: usize = 128;

struct Source {
    file: &'static str,
    package: &'static str,
}

/// Why speech could not be coded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The library is not installed.
    #[error("AMR-WB needs {file}; on Debian: apt-get install {package} ({reason})")]
    LocalLibraryMissing {
        /// File that was looked for.
        file: &'static str,
        /// Debian package that has it.
        package: &'static str,
        /// What the loader said.
        reason: String,
    },
    /// The library lacks a function.
    #[error("{file} has no function {function}: another library of the same name?")]
    LocalFunctionMissing {
        /// File that was loaded.
        file: &'static str,
        /// Function that was looked for.
        function: &'static str,
    },
    /// The library could not make a coder, for want of memory.
    #[error("the AMR-WB library could not make an encoder or decoder")]
    LocalOutOfMemory,
    /// The encoder answered something that is no frame.
    #[error("the AMR-WB encoder answered {0} octets, which is no frame")]
    LocalBadOutput(i32),
}

/// Whether the encoder replaces silence by comfort noise (TS 26.193).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtx {
    /// Every frame is speech.
    Off,
    /// Silence becomes SID frames and frames without data.
    On,
}

/// `void *E_IF_init(void)`, `void *D_IF_init(void)`
type Init = unsafe extern "C" fn() -> *mut c_void;
/// `void E_IF_exit(void *)`, `void D_IF_exit(void *)`
type Exit = unsafe extern "C" fn(*mut c_void);
/// `int E_IF_encode(void *state, int mode, const short *speech, unsigned char *out, int dtx)`
type Encode =
    unsafe extern "C" fn(*mut c_void, c_int, *const c_short, *mut c_uchar, c_int) -> c_int;
/// `void D_IF_decode(void *state, const unsigned char *bits, short *synth, int bfi)`
type Decode = unsafe extern "C" fn(*mut c_void, *const c_uchar, *mut c_short, c_int);

/// A library with its functions; the functions stay valid as long as it is loaded.
struct Coder<F> {
    init: Init,
    exit: Exit,
    run: F,
    _library: Library,
}

impl<F: Copy> Coder<F> {
    fn load(
        source: &Source,
        init: &'static str,
        exit: &'static str,
        run: &'static str,
    ) -> Result<Self, CodecError> {
        // SAFETY: loading runs the library's initialisers; these two codec libraries have none.
        let library = unsafe { Library::new(source.file) }.map_err(|error| {
            CodecError::LocalLibraryMissing {
                file: source.file,
                package: source.package,
                reason: error.to_string(),
            }
        })?;
        Ok(Self {
            init: function(&library, source, init)?,
            exit: function(&library, source, exit)?,
            run: function(&library, source, run)?,
            _library: library,
        })
    }

    fn state(self: &Arc<Self>) -> Result<State<F>, CodecError> {
        // SAFETY: the function takes nothing and gives a new state or null.
        let pointer = NonNull::new(unsafe { (self.init)() }).ok_or(CodecError::LocalOutOfMemory)?;
        Ok(State {
            pointer,
            coder: Arc::clone(self),
        })
    }
}

fn function<F: Copy>(
    library: &Library,
    source: &Source,
    name: &'static str,
) -> Result<F, CodecError> {
    // SAFETY: `F` is the type that the headers enc_if.h and dec_if.h declare for this name.
    let symbol = unsafe { library.get::<F>(name) };
    let missing = CodecError::LocalFunctionMissing {
        file: source.file,
        function: name,
    };
    symbol.map(|symbol| *symbol).map_err(|_| missing)
}

/// State of one encoder or decoder; keeps its library loaded.
struct State<F> {
    pointer: NonNull<c_void>,
    coder: Arc<Coder<F>>,
}

// SAFETY: the state is plain memory of the library without thread affinity, and only one thread at a time
// reaches it, since every use takes `&mut`.
unsafe impl<F: Send + Sync> Send for State<F> {}

impl<F> Drop for State<F> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `init` of the same library, which is still loaded, and is not used again.
        unsafe { (self.coder.exit)(self.pointer.as_ptr()) }
    }
}

/// The codec, loaded.
#[derive(Clone)]
pub struct AmrWb {
    encoder: Arc<Coder<Encode>>,
    decoder: Arc<Coder<Decode>>,
}

impl AmrWb {
    /// Loads both libraries.
    ///
    /// # Errors
    /// [`CodecError::LocalLibraryMissing`] naming the Debian package, or [`CodecError::LocalFunctionMissing`].
    pub fn load() -> Result<Self, CodecError> {
        Ok(Self {
            encoder: Arc::new(Coder::load(
                &ENCODER,
                "E_IF_init",
                "E_IF_exit",
                "E_IF_encode",
            )?),
            decoder: Arc::new(Coder::load(
                &DECODER,
                "D_IF_init",
                "D_IF_exit",
                "D_IF_decode",
            )?),
        })
    }

    /// A fresh encoder.
    ///
    /// # Errors
    /// [`CodecError::LocalOutOfMemory`].
    pub fn encoder(&self, mode: Mode, dtx: Dtx) -> Result<Encoder, CodecError> {
        Ok(Encoder {
            state: self.encoder.state()?,
            mode,
            dtx,
        })
    }

    /// A fresh decoder; one for each talk burst and SSRC.
    ///
    /// # Errors
    /// [`CodecError::LocalOutOfMemory`].
    pub fn decoder(&self) -> Result<Decoder, CodecError> {
        Ok(Decoder {
            state: self.decoder.state()?,
        })
    }
}

/// Turns samples into frames (TS 26.190).
pub struct Encoder {
    state: State<Encode>,
    mode: Mode,
    dtx: Dtx,
}

impl Encoder {
    /// Changes the rate from the next frame on, as a mode request asks.
    pub const fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Codes 20 ms.
    ///
    /// # Errors
    /// [`CodecError::LocalBadOutput`] when the library misbehaves.
    pub fn encode(&mut self, samples: &Pcm) -> Result<SpeechFrame, CodecError> {
        let mut coded = [0u8; CODED_ROOM];
        let dtx = c_int::from(self.dtx == Dtx::On);
        // SAFETY: the state is live and exclusively ours; `samples` has the 320 samples the function reads,
        // `coded` more than the 61 octets it may write.
        let written = unsafe {
            let (encode, state) = (self.state.coder.run, self.state.pointer.as_ptr());
            encode(
                state,
                c_int::from(self.mode as u8),
                samples.as_ptr(),
                coded.as_mut_ptr(),
                dtx,
            )
        };
        let length = usize::try_from(written).unwrap_or_default();
        coded
            .get(..length)
            .and_then(<[u8]>::split_first)
            .and_then(|(head, speech)| parse(*head, speech))
            .ok_or(CodecError::LocalBadOutput(written))
    }
}

/// A frame of the storage format: 0, FT(4), Q(1), 00, then the octets (RFC 4867 cl. 5.3).
fn parse(head: u8, speech: &[u8]) -> Option<SpeechFrame> {
    let kind = FrameType::from_number((head >> 3) & 0x0F).ok()?;
    let quality = if head & 0x04 == 0 {
        Quality::Damaged
    } else {
        Quality::Good
    };
    SpeechFrame::new(kind, quality, speech).ok()
}

/// Turns frames into samples (TS 26.190, lost frames TS 26.191).
pub struct Decoder {
    state: State<Decode>,
}

impl Decoder {
    /// Decodes 20 ms; [`SpeechFrame::lost`] and damaged frames are concealed.
    pub fn decode(&mut self, frame: &SpeechFrame) -> Pcm {
        let mut coded = [0u8; CODED_ROOM];
        let good = frame.quality() == Quality::Good;
        let head = (frame.frame_type().number() << 3) | (u8::from(good) << 2);
        let octets = core::iter::once(&head).chain(frame.octets());
        coded
            .iter_mut()
            .zip(octets)
            .for_each(|(to, from)| *to = *from);
        let mut samples = [0i16; FRAME_SAMPLES];
        // SAFETY: the state is live and exclusively ours; the frame type is a legal one, so the function reads
        // at most 61 of the 128 octets, and it writes the 320 samples of one frame.
        unsafe {
            let (decode, state) = (self.state.coder.run, self.state.pointer.as_ptr());
            decode(
                state,
                coded.as_ptr(),
                samples.as_mut_ptr(),
                c_int::from(!good),
            );
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named_with_its_package() {
        let source = Source {
            file: "libno-such-codec.so.0",
            package: "libno-such-codec0",
        };
        let error = Coder::<Encode>::load(&source, "a", "b", "c").err().unwrap();
        let text = error.to_string();
        assert!(text.contains("apt-get install libno-such-codec0"), "{text}");
        assert!(text.contains("libno-such-codec.so.0"), "{text}");
    }

    #[test]
    fn a_library_without_the_functions_is_refused() {
        let source = Source {
            file: "libc.so.6",
            package: "libc6",
        };
        let error = Coder::<Encode>::load(&source, "E_IF_init", "b", "c").err();
        let function = "E_IF_init";
        assert_eq!(
            error,
            Some(CodecError::LocalFunctionMissing {
                file: "libc.so.6",
                function
            })
        );
    }

    #[test]
    fn an_answer_that_is_no_frame_is_refused() {
        assert!(parse(10 << 3, &[]).is_none());
        assert!(parse(0x04, &[0; 16]).is_none());
        assert!(parse(0x04, &[0; 17]).is_some());
    }
}
